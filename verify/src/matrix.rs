//! Inputs that own their values, in every shape and storage that the library takes.

use half::{bf16, f16};
use wgpu_xent::{Logits, Storage};

/// Blocks of `classes x inner` values, and how many elements lie between them; a matrix if `inner` is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How many blocks.
    pub blocks: usize,
    /// Classes of a row.
    pub classes: usize,
    /// Rows of a block.
    pub inner: usize,
    /// Elements behind each block, which belong to nobody.
    pub padding: usize,
}

impl Shape {
    /// A dense matrix.
    #[must_use]
    pub const fn matrix(rows: usize, classes: usize) -> Self {
        Self { blocks: rows, classes, inner: 1, padding: 0 }
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.blocks * self.inner
    }

    /// The row and class of an element of a dense result.
    #[must_use]
    pub fn place(&self, i: usize) -> (usize, usize) {
        let (block, within) = (i / (self.classes * self.inner), i % (self.classes * self.inner));
        (block * self.inner + within % self.inner, within / self.inner)
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} x {}", self.blocks, self.classes)?;
        if self.inner > 1 {
            write!(f, " x {}", self.inner)?;
        }
        if self.padding > 0 { write!(f, " + {}", self.padding) } else { Ok(()) }
    }
}

/// Elements as they are stored.
#[derive(Clone, Debug)]
enum Values {
    F32(Vec<f32>),
    F16(Vec<f16>),
    Bf16(Vec<bf16>),
}

/// An input, laid out as its shape says.
#[derive(Clone, Debug)]
pub struct Matrix {
    shape: Shape,
    values: Values,
}

impl Matrix {
    /// Values given row after row, rounded to a storage type; NaN between the blocks.
    #[must_use]
    pub fn new(rows: &[f32], shape: Shape, storage: Storage) -> Self {
        let Shape { blocks, classes, inner, padding } = shape;
        let block = classes * inner;
        let mut data = Vec::with_capacity(blocks * (block + padding));
        for values in rows.chunks(block.max(1)) {
            data.resize(data.len().next_multiple_of(block + padding), f32::NAN);
            data.extend((0..block).map(|i| values[i % inner * classes + i / inner]));
        }
        let values = match storage {
            Storage::F16 => Values::F16(data.into_iter().map(f16::from_f32).collect()),
            Storage::Bf16 => Values::Bf16(data.into_iter().map(bf16::from_f32).collect()),
            _ => Values::F32(data),
        };
        Self { shape, values }
    }

    /// What the operations take.
    ///
    /// # Panics
    /// If there were fewer values than the shape has.
    #[must_use]
    pub fn view(&self) -> Logits<'_> {
        let Shape { blocks, classes, inner, padding } = self.shape;
        let stride = classes * inner + padding;
        let view = match &self.values {
            Values::F32(values) => Logits::with_blocks(values, blocks, classes, inner, stride),
            Values::F16(values) => Logits::with_blocks(values, blocks, classes, inner, stride),
            Values::Bf16(values) => Logits::with_blocks(values, blocks, classes, inner, stride),
        };
        view.expect("values for the whole shape")
    }

    /// Its shape.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// How its elements are stored.
    #[must_use]
    pub fn storage(&self) -> Storage {
        match self.values {
            Values::F32(_) => Storage::F32,
            Values::F16(_) => Storage::F16,
            Values::Bf16(_) => Storage::Bf16,
        }
    }

    /// Its elements as a buffer of a device holds them, what is between the blocks included.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match &self.values {
            Values::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Values::F16(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Values::Bf16(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }

    /// The elements of a buffer that held [`bytes`](Self::bytes), without what is between the blocks: NaN, unless something was written
    /// there, which is an error.
    pub(crate) fn dense_of(&self, bytes: &[u8]) -> Result<Vec<f64>, String> {
        let Shape { classes, inner, padding, .. } = self.shape;
        let (block, size) = (classes * inner, self.storage().bytes());
        let value = |bytes: &[u8]| match *bytes {
            [a, b] if self.storage() == Storage::F16 => f16::from_le_bytes([a, b]).to_f64(),
            [a, b] => bf16::from_le_bytes([a, b]).to_f64(),
            [a, b, c, d] => f32::from_le_bytes([a, b, c, d]).into(),
            _ => unreachable!("elements have two or four bytes"),
        };
        let mut dense = Vec::new();
        for (i, bytes) in bytes.chunks_exact(size).take(self.bytes().len() / size).enumerate() {
            let value = value(bytes);
            if i % (block + padding) < block {
                dense.push(value);
            } else if !value.is_nan() {
                return Err(format!("{value} was written to element {i}, between two blocks"));
            }
        }
        Ok(dense)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_values_in_every_layout() {
        let rows: Vec<f32> = (0..24).map(|i| i as f32).collect();
        for (blocks, inner, padding) in [(4, 1, 0), (4, 1, 3), (2, 2, 0), (2, 2, 5), (1, 4, 1)] {
            let shape = Shape { blocks, classes: 6, inner, padding };
            let matrix = Matrix::new(&rows, shape, Storage::F16);
            let view = matrix.view();
            assert_eq!((view.rows(), view.storage()), (4, Storage::F16));
            let read: Vec<f64> = (0..4).flat_map(|r| view.row(r)).collect();
            assert_eq!(read, rows.iter().map(|&x| f64::from(x)).collect::<Vec<_>>(), "{shape}");
            // The place of an element of a dense result is where the row has it.
            let dense = Matrix::new(&rows, Shape { padding: 0, ..shape }, Storage::F32);
            let Values::F32(dense) = dense.values else { unreachable!() };
            assert!(dense.iter().enumerate().all(|(i, &x)| shape.place(i) == (x as usize / 6, x as usize % 6)), "{shape}: {dense:?}");
        }
    }
}
