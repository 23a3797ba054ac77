//! What a caller hands in: validated views of logits and targets.

use crate::{Error, Result};

/// The word that marks an ignored row in encoded targets.
pub(crate) const IGNORED: u32 = u32::MAX;

/// How one logit is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Storage {
    /// IEEE 754 single precision.
    F32,
}

impl Storage {
    /// Bytes of one element.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
        }
    }
}

impl std::fmt::Display for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
        })
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
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

/// A matrix of logits: `rows` rows of `classes` values, a row starting every `stride` elements.
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
        Ok(Self { bytes: bytemuck::cast_slice(&data[..expected]), storage: T::STORAGE, rows, classes, stride })
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

    /// The distance between the starts of two rows, in elements.
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
        let storage = self.storage;
        self.bytes[row * self.stride * size..][..self.classes * size].chunks_exact(size).map(move |bytes| match storage {
            Storage::F32 => f64::from(bytemuck::pod_read_unaligned::<f32>(bytes)),
        })
    }

    /// The bytes of rows `first .. first + rows`, padding between them included, padding behind them not.
    pub(crate) fn window(&self, first: usize, rows: usize) -> &'a [u8] {
        if rows == 0 {
            return &[];
        }
        let size = self.storage.bytes();
        &self.bytes[first * self.stride * size..][..((rows - 1) * self.stride + self.classes) * size]
    }
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
    let too_large = Error::TooLarge { what, needed: u64::MAX, unit: "elements", limit: isize::MAX as u64, limit_name: "the address space" };
    (rows - 1).checked_mul(stride).and_then(|n| n.checked_add(classes)).ok_or(too_large)
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
