//! What a caller hands in at the device level: validated views of buffers, and where results go.

use crate::launch::{Mask, Matrix};
use crate::views::{Element, Storage, block_len, matrix_len};
use crate::{Error, Result};

/// A matrix in a buffer of the caller, with usage `STORAGE`.
#[derive(Clone, Copy, Debug)]
pub struct DeviceMatrix<'a> {
    pub(crate) buffer: &'a wgpu::Buffer,
    offset: u64,
    pub(crate) rows: usize,
    pub(crate) classes: usize,
    pub(crate) inner: usize,
    stride: usize,
    storage: Storage,
}

impl<'a> DeviceMatrix<'a> {
    /// A dense matrix of `T` from the buffer's start.
    ///
    /// # Errors
    /// As [`with_layout`](Self::with_layout).
    pub fn new<T: Element>(buffer: &'a wgpu::Buffer, rows: usize, classes: usize) -> Result<Self> {
        Self::with_layout::<T>(buffer, 0, rows, classes, classes)
    }

    /// A matrix of `T` from a byte offset, a multiple of 4, with a row every `stride` elements. An offset and a stride that are
    /// multiples of 4 elements are faster.
    ///
    /// # Errors
    /// [`Error::NoClasses`], [`Error::Stride`], and [`Error::Buffer`] if the buffer is too short, the offset odd or `STORAGE` missing.
    pub fn with_layout<T: Element>(buffer: &'a wgpu::Buffer, offset: u64, rows: usize, classes: usize, stride: usize) -> Result<Self> {
        let elements = matrix_len("a device matrix", rows, classes, stride)?;
        // Kernels see words: elements of 16 bits fill the last one up.
        check_buffer(
            "a matrix",
            buffer,
            offset,
            (elements as u64).saturating_mul(T::STORAGE.bytes() as u64).div_ceil(4).saturating_mul(4),
        )?;
        let stride = if rows > 1 { stride } else { classes };
        Ok(Self { buffer, offset, rows, classes, inner: 1, stride, storage: T::STORAGE })
    }

    /// Blocks as [`Logits::with_blocks`](crate::Logits::with_blocks) has them, from a byte offset, a multiple of 4: element `c` of
    /// row `i` of block `n` lies `n * stride + c * inner + i` elements behind the offset.
    ///
    /// # Errors
    /// As [`with_layout`](Self::with_layout).
    pub fn with_blocks<T: Element>(
        buffer: &'a wgpu::Buffer,
        offset: u64,
        blocks: usize,
        classes: usize,
        inner: usize,
        stride: usize,
    ) -> Result<Self> {
        if inner <= 1 {
            return Self::with_layout::<T>(buffer, offset, blocks * inner, classes, stride);
        }
        let rows = blocks.saturating_mul(inner);
        if classes == 0 && rows > 0 {
            return Err(Error::NoClasses { rows });
        }
        let block = block_len("a device matrix", classes, inner)?;
        let elements = matrix_len("a device matrix", blocks, block, stride)?;
        // Kernels see words: elements of 16 bits fill the last one up.
        check_buffer(
            "a matrix",
            buffer,
            offset,
            (elements as u64).saturating_mul(T::STORAGE.bytes() as u64).div_ceil(4).saturating_mul(4),
        )?;
        let stride = if blocks > 1 { stride } else { block };
        Ok(Self { buffer, offset, rows, classes, inner, stride, storage: T::STORAGE })
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    pub(crate) fn matrix(&self) -> Matrix<'a> {
        Matrix { buffer: self.buffer, offset: self.offset, stride: self.stride as u64, storage: self.storage }
    }

    pub(crate) fn same_shape(&self, what: &'static str, other: &DeviceMatrix<'_>) -> Result<()> {
        for (expected, got) in [(self.rows, other.rows), (self.classes, other.classes), (self.inner, other.inner)] {
            if expected != got {
                return Err(Error::Length { what, expected, got });
            }
        }
        Ok(())
    }
}

/// Values in a buffer of the caller, one 32-bit word each (targets as `u32` or `i32`, factors, losses), or one
/// [`RowState`](crate::RowState) each. Inputs need usage `COPY_SRC`, results `COPY_DST`: kernels work on copies.
#[derive(Clone, Copy, Debug)]
pub struct DeviceVector<'a> {
    pub(crate) buffer: &'a wgpu::Buffer,
    pub(crate) offset: u64,
}

impl<'a> DeviceVector<'a> {
    /// From the buffer's start.
    #[must_use]
    pub fn new(buffer: &'a wgpu::Buffer) -> Self {
        Self { buffer, offset: 0 }
    }

    /// From a byte offset, a multiple of 4.
    #[must_use]
    pub fn with_offset(buffer: &'a wgpu::Buffer, offset: u64) -> Self {
        Self { buffer, offset }
    }

    /// As an input of so many words.
    pub(crate) fn check_input(&self, what: &'static str, words: u64) -> Result<()> {
        self.check(what, words, wgpu::BufferUsages::COPY_SRC)
    }

    /// As a result of so many words.
    pub(crate) fn check_output(&self, what: &'static str, words: u64) -> Result<()> {
        self.check(what, words, wgpu::BufferUsages::COPY_DST)
    }

    fn check(&self, what: &'static str, words: u64, needed: wgpu::BufferUsages) -> Result<()> {
        check_range(what, self.buffer, self.offset, words.saturating_mul(4))?;
        check_usage(what, self.buffer, needed)
    }
}

/// Class masks in a buffer of the caller, with usage `STORAGE`: the words of a [`ClassMask`](crate::ClassMask).
#[derive(Clone, Copy, Debug)]
pub struct DeviceMask<'a> {
    buffer: &'a wgpu::Buffer,
    offset: u64,
    per_row: bool,
}

impl<'a> DeviceMask<'a> {
    /// One mask for all rows, from a byte offset, a multiple of 4.
    #[must_use]
    pub fn shared(buffer: &'a wgpu::Buffer, offset: u64) -> Self {
        Self { buffer, offset, per_row: false }
    }

    /// A mask for each row, from a byte offset, a multiple of 4; each begins with a new word.
    #[must_use]
    pub fn per_row(buffer: &'a wgpu::Buffer, offset: u64) -> Self {
        Self { buffer, offset, per_row: true }
    }

    pub(crate) fn input(&self, rows: usize, classes: usize) -> Result<Mask<'a>> {
        let words = classes.div_ceil(32) as u64;
        let needed = if self.per_row { words.saturating_mul(rows as u64) } else { words };
        check_buffer("class_mask", self.buffer, self.offset, needed.saturating_mul(4))?;
        Ok(Mask { buffer: self.buffer, offset: self.offset, stride: if self.per_row { words } else { 0 } })
    }
}

/// The parts of a [`LogitTransform`](crate::LogitTransform) that live in buffers.
#[derive(Clone, Copy, Debug, Default)]
pub struct TransformBuffers<'a> {
    /// A factor on each row's logits, `f32`; instead of the transform's scalar one.
    pub scales: Option<DeviceVector<'a>>,
    /// Which classes take part.
    pub mask: Option<DeviceMask<'a>>,
}

fn check_range(what: &'static str, buffer: &wgpu::Buffer, offset: u64, bytes: u64) -> Result<()> {
    if !offset.is_multiple_of(4) {
        return Err(Error::Buffer { what, problem: format!("offset {offset} is not a multiple of 4") });
    }
    if offset.checked_add(bytes).is_none_or(|end| end > buffer.size()) {
        return Err(Error::Buffer { what, problem: format!("{bytes} bytes from offset {offset} on, but it has {}", buffer.size()) });
    }
    Ok(())
}

fn check_buffer(what: &'static str, buffer: &wgpu::Buffer, offset: u64, bytes: u64) -> Result<()> {
    check_range(what, buffer, offset, bytes)?;
    check_usage(what, buffer, wgpu::BufferUsages::STORAGE)
}

fn check_usage(what: &'static str, buffer: &wgpu::Buffer, needed: wgpu::BufferUsages) -> Result<()> {
    if buffer.usage().contains(needed) {
        return Ok(());
    }
    let names: Vec<&str> = needed.iter_names().map(|(name, _)| name).collect();
    Err(Error::Buffer { what, problem: format!("usage {:?} lacks {}", buffer.usage(), names.join(" and ")) })
}

/// Where a matrix goes.
#[derive(Clone, Copy, Debug)]
pub enum Output<'a> {
    /// Into another buffer; padding columns are left as they are.
    To(DeviceMatrix<'a>),
    /// Over the input, whose values are lost.
    InPlace,
}

impl<'a> Output<'a> {
    pub(crate) fn resolve(self, input: &DeviceMatrix<'a>, others: &[&wgpu::Buffer]) -> Result<Matrix<'a>> {
        let matrix = match self {
            Self::InPlace => input.matrix(),
            Self::To(output) => {
                input.same_shape("the result", &output)?;
                if output.buffer == input.buffer {
                    let problem =
                        "it is also the input's buffer, which no dispatch may both read and write: use Output::InPlace or another buffer";
                    return Err(Error::Buffer { what: "the result", problem: problem.into() });
                }
                output.matrix()
            }
        };
        Self::check_beside(matrix, others)
    }

    /// A result beside another one, of a shape that was checked.
    pub(crate) fn beside(output: &DeviceMatrix<'a>, others: &[&wgpu::Buffer]) -> Result<Matrix<'a>> {
        Self::check_beside(output.matrix(), others)
    }

    fn check_beside(matrix: Matrix<'a>, others: &[&wgpu::Buffer]) -> Result<Matrix<'a>> {
        if others.contains(&matrix.buffer) {
            let problem = "it is also the buffer of another matrix or mask, which no dispatch may both read and write".into();
            return Err(Error::Buffer { what: "the result", problem });
        }
        Ok(matrix)
    }
}
