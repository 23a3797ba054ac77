//! What a caller hands in: validated views of logits and targets.

use crate::factor::check_len;
use crate::{Error, Result};

/// The word that marks an ignored row in encoded targets.
pub(crate) const IGNORED: u32 = u32::MAX;

/// How one logit is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Storage {
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 half precision: 11 bits of precision, up to 65504.
    F16,
    /// The upper half of an f32: 8 bits of precision, the range of f32.
    Bf16,
}

impl Storage {
    /// Bytes of one element.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// Whether two elements share a word.
    pub(crate) const fn is_half(self) -> bool {
        self.bytes() == 2
    }
}

impl std::fmt::Display for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        })
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for half::f16 {}
    impl Sealed for half::bf16 {}
    impl Sealed for u8 {}
    impl Sealed for u16 {}
    impl Sealed for u32 {}
    impl Sealed for i32 {}
    impl Sealed for i64 {}
}

/// A type that logits can be stored in.
pub trait Element: sealed::Sealed + bytemuck::Pod {
    /// Its storage type.
    const STORAGE: Storage;
}

impl Element for f32 {
    const STORAGE: Storage = Storage::F32;
}

impl Element for half::f16 {
    const STORAGE: Storage = Storage::F16;
}

impl Element for half::bf16 {
    const STORAGE: Storage = Storage::Bf16;
}

/// Logits: `rows` rows of `classes` values. A matrix, or an array of any shape one of whose dimensions is that of the classes.
///
/// An array of shape `[.., C, d1, .., dK]` is a sequence of blocks of `C x inner` values, `inner = d1 * .. * dK`, one block for each
/// index of the dimensions before the classes. Row `r` is column `r % inner` of block `r / inner`: rows are counted as the shape
/// without the classes counts them. A block starts every `stride` elements.
///
/// ```
/// use wgpu_xent::Logits;
/// let data = [0.5_f32, 1.0, -1.0, 2.0, 0.0, 0.0];
/// assert_eq!(Logits::new(&data, 2, 3)?.stride(), 3);
/// // Two classes used, the third column is padding:
/// assert_eq!(Logits::with_stride(&data, 2, 2, 3)?.classes(), 2);
/// assert!(Logits::new(&data, 2, 4).is_err());
/// # Ok::<(), wgpu_xent::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Logits<'a> {
    bytes: &'a [u8],
    storage: Storage,
    rows: usize,
    classes: usize,
    inner: usize,
    stride: usize,
}

impl<'a> Logits<'a> {
    /// A dense matrix: `data` holds exactly `rows * classes` elements, row after row.
    ///
    /// # Errors
    /// [`Error::Length`] if the length differs, [`Error::NoClasses`] for rows of no classes.
    pub fn new<T: Element>(data: &'a [T], rows: usize, classes: usize) -> Result<Self> {
        let expected = rows.saturating_mul(classes);
        if data.len() != expected {
            return Err(Error::Length { what: "logits", expected, got: data.len() });
        }
        Self::with_stride(data, rows, classes, classes)
    }

    /// A matrix with padding: row `r` is `data[r * stride ..][.. classes]`. The last row needs no padding behind it.
    ///
    /// # Errors
    /// [`Error::Stride`] if `stride < classes`, [`Error::Length`] if `data` is too short, [`Error::NoClasses`] for rows of no classes.
    pub fn with_stride<T: Element>(data: &'a [T], rows: usize, classes: usize, stride: usize) -> Result<Self> {
        let expected = matrix_len("logits", rows, classes, stride)?;
        if data.len() < expected {
            return Err(Error::Length { what: "logits", expected, got: data.len() });
        }
        // A single row has no next one: whatever stride was given, none is used.
        let stride = if rows > 1 { stride } else { classes };
        Ok(Self { bytes: bytemuck::cast_slice(&data[..expected]), storage: T::STORAGE, rows, classes, inner: 1, stride })
    }

    /// A dense array of any shape, with its classes in dimension `dim`; negative ones count from the end. A block, which is the classes
    /// with all dimensions behind them, must fit the adapter's binding (128 MiB on lavapipe, 2 GiB on most GPUs).
    ///
    /// ```
    /// use wgpu_xent::Logits;
    /// let image = [0.5_f32; 2 * 3 * 4 * 4];
    /// let logits = Logits::with_shape(&image, &[2, 3, 4, 4], 1)?;
    /// assert_eq!((logits.rows(), logits.classes(), logits.inner()), (2 * 4 * 4, 3, 4 * 4));
    /// # Ok::<(), wgpu_xent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Dimension`] if there is no such dimension, [`Error::Length`] if the length differs from the shape's,
    /// [`Error::NoClasses`] for rows of no classes.
    pub fn with_shape<T: Element>(data: &'a [T], shape: &[usize], dim: isize) -> Result<Self> {
        let (outer, classes, inner) = blocks(shape, dim)?;
        let expected = outer.saturating_mul(classes).saturating_mul(inner);
        check_len("logits", data.len(), expected)?;
        Self::with_blocks(data, outer, classes, inner, classes.saturating_mul(inner))
    }

    /// Blocks with padding: element `c` of row `i` of block `n` is `data[n * stride + c * inner + i]`. The last block needs no
    /// padding behind it.
    ///
    /// # Errors
    /// As [`with_stride`](Self::with_stride).
    pub fn with_blocks<T: Element>(data: &'a [T], blocks: usize, classes: usize, inner: usize, stride: usize) -> Result<Self> {
        if inner <= 1 {
            return Self::with_stride(data, blocks * inner, classes, stride);
        }
        let rows = blocks.saturating_mul(inner);
        if classes == 0 && rows > 0 {
            return Err(Error::NoClasses { rows });
        }
        let block = block_len("logits", classes, inner)?;
        let expected = matrix_len("logits", blocks, block, stride)?;
        if data.len() < expected {
            return Err(Error::Length { what: "logits", expected, got: data.len() });
        }
        let stride = if blocks > 1 { stride } else { block };
        Ok(Self { bytes: bytemuck::cast_slice(&data[..expected]), storage: T::STORAGE, rows, classes, inner, stride })
    }

    /// The number of rows (N).
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of classes (C).
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The rows of a block: the product of the dimensions behind the classes, 1 for a matrix.
    #[must_use]
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// The distance between the starts of two blocks, for a matrix of two rows, in elements.
    #[must_use]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// How an element is stored.
    #[must_use]
    pub fn storage(&self) -> Storage {
        self.storage
    }

    /// The values of one row, widened.
    ///
    /// # Panics
    /// If `row` is not less than [`rows`](Self::rows).
    pub fn row(&self, row: usize) -> impl ExactSizeIterator<Item = f64> + Clone + 'a {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        let size = self.storage.bytes();
        let first = row / self.inner * self.stride + row % self.inner;
        let Self { bytes, storage, inner, .. } = *self;
        (0..self.classes).map(move |class| {
            let bytes = &bytes[(first + class * inner) * size..][..size];
            match storage {
                Storage::F32 => f64::from(bytemuck::pod_read_unaligned::<f32>(bytes)),
                Storage::F16 => f64::from(bytemuck::pod_read_unaligned::<half::f16>(bytes)),
                Storage::Bf16 => f64::from(bytemuck::pod_read_unaligned::<half::bf16>(bytes)),
            }
        })
    }

    /// The bytes of rows `first .. first + rows`, whole blocks, padding between them included, padding behind them not.
    pub(crate) fn window(&self, first: usize, rows: usize) -> &'a [u8] {
        if rows == 0 {
            return &[];
        }
        debug_assert!(
            first.is_multiple_of(self.inner) && rows.is_multiple_of(self.inner),
            "rows {first} + {rows} of blocks of {}",
            self.inner
        );
        let (first, blocks) = (first / self.inner, rows / self.inner);
        let size = self.storage.bytes();
        &self.bytes[first * self.stride * size..][..((blocks - 1) * self.stride + self.classes * self.inner) * size]
    }

    /// Another array has the same rows and classes in the same order.
    pub(crate) fn check_same_shape(&self, what: &'static str, other: &Self) -> Result<()> {
        for (expected, got) in [(self.rows, other.rows), (self.classes, other.classes), (self.inner, other.inner)] {
            check_len(what, got, expected)?;
        }
        Ok(())
    }
}

/// The blocks, classes and rows of a block that a shape with classes in dimension `dim` has.
fn blocks(shape: &[usize], dim: isize) -> Result<(usize, usize, usize)> {
    let dims = shape.len();
    let at = if dim < 0 { dims.checked_sub(dim.unsigned_abs()) } else { Some(dim.unsigned_abs()) };
    let at = at.filter(|&at| at < dims).ok_or(Error::Dimension { dim, dims })?;
    let product = |dims: &[usize]| dims.iter().fold(1_usize, |product, &d| product.saturating_mul(d));
    Ok((product(&shape[..at]), shape[at], product(&shape[at + 1..])))
}

/// The elements that a matrix spans, or the reason why it is none.
pub(crate) fn matrix_len(what: &'static str, rows: usize, classes: usize, stride: usize) -> Result<usize> {
    if rows == 0 {
        return Ok(0);
    }
    if classes == 0 {
        return Err(Error::NoClasses { rows });
    }
    if stride < classes {
        return Err(Error::Stride { what, stride, classes });
    }
    (rows - 1).checked_mul(stride).and_then(|n| n.checked_add(classes)).ok_or(beyond_addresses(what))
}

/// The elements of a block of `inner` rows, which must be a number even where there is no block.
pub(crate) fn block_len(what: &'static str, classes: usize, inner: usize) -> Result<usize> {
    classes.checked_mul(inner).ok_or(beyond_addresses(what))
}

fn beyond_addresses(what: &'static str) -> Error {
    Error::TooLarge { what, needed: u64::MAX, unit: "elements", limit: isize::MAX as u64, limit_name: "the address space" }
}

#[derive(Clone, Copy, Debug)]
enum Integers<'a> {
    U8(&'a [u8]),
    U16(&'a [u16]),
    U32(&'a [u32]),
    I32(&'a [i32]),
    I64(&'a [i64]),
}

/// A type that class indices can be stored in.
pub trait TargetIndex: sealed::Sealed + Sized {
    #[doc(hidden)]
    fn view(slice: &[Self]) -> Targets<'_>;
}

macro_rules! target_index {
    ($($type:ty => $variant:ident),*) => {$(
        impl TargetIndex for $type {
            fn view(slice: &[Self]) -> Targets<'_> {
                Targets(Integers::$variant(slice))
            }
        }
    )*};
}
target_index!(u8 => U8, u16 => U16, u32 => U32, i32 => I32, i64 => I64);

/// One class index a row, from a slice of `u8`, `u16`, `u32`, `i32` or `i64`.
///
/// ```
/// use wgpu_xent::Targets;
/// assert_eq!(Targets::new(&[3_u8, 1, 2]).get(0), 3);
/// assert_eq!(Targets::new(&[3_i64, -100]).get(1), -100);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a>(Integers<'a>);

impl<'a> Targets<'a> {
    /// A view of the slice; the values are checked by the operation, which knows the number of classes.
    pub fn new<T: TargetIndex>(slice: &'a [T]) -> Self {
        T::view(slice)
    }

    /// The number of targets.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.0 {
            Integers::U8(s) => s.len(),
            Integers::U16(s) => s.len(),
            Integers::U32(s) => s.len(),
            Integers::I32(s) => s.len(),
            Integers::I64(s) => s.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The target of a row.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn get(&self, row: usize) -> i64 {
        match self.0 {
            Integers::U8(s) => s[row].into(),
            Integers::U16(s) => s[row].into(),
            Integers::U32(s) => s[row].into(),
            Integers::I32(s) => s[row].into(),
            Integers::I64(s) => s[row],
        }
    }

    /// Checks that there is one target a row, and that each is a class or ignored: `None` for ignored rows.
    ///
    /// # Errors
    /// [`Error::Length`] or [`Error::Target`].
    pub fn resolve(&self, rows: usize, classes: usize, ignore_index: Option<i64>) -> Result<impl Iterator<Item = Option<usize>> + use<'a>> {
        if self.len() != rows {
            return Err(Error::Length { what: "targets", expected: rows, got: self.len() });
        }
        for row in 0..rows {
            let target = self.get(row);
            if Some(target) != ignore_index && usize::try_from(target).map_or(true, |t| t >= classes) {
                return Err(Error::Target { row, target, classes, ignore_index });
            }
        }
        let view = *self;
        Ok((0..rows).map(move |row| {
            let target = view.get(row);
            // In range: checked by the loop above.
            (Some(target) != ignore_index).then_some(target as usize)
        }))
    }

    /// The checked targets as the words that kernels read.
    pub(crate) fn encode(&self, rows: usize, classes: usize, ignore_index: Option<i64>) -> Result<Vec<u32>> {
        let resolved = self.resolve(rows, classes, ignore_index)?;
        Ok(resolved.map(|t| t.map_or(IGNORED, |t| t as u32)).collect())
    }
}
