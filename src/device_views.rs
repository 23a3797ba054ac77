//! What a caller hands in at the device level: validated views of buffers, and where results go.

use crate::launch::{Matrix, Vector};
use crate::views::{Element, Storage, matrix_len};
use crate::{Error, Result};

/// A matrix in a buffer of the caller, with usage `STORAGE`.
#[derive(Clone, Copy, Debug)]
pub struct DeviceMatrix<'a> {
    pub(crate) buffer: &'a wgpu::Buffer,
    offset: u64,
    pub(crate) rows: usize,
    pub(crate) classes: usize,
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
    /// multiples of 16 bytes are faster.
    ///
    /// # Errors
    /// [`Error::NoClasses`], [`Error::Stride`], and [`Error::Buffer`] if the buffer is too short, the offset odd or `STORAGE` missing.
    pub fn with_layout<T: Element>(buffer: &'a wgpu::Buffer, offset: u64, rows: usize, classes: usize, stride: usize) -> Result<Self> {
        let elements = matrix_len("a device matrix", rows, classes, stride)?;
        check_buffer("a matrix", buffer, offset, (elements as u64).saturating_mul(T::STORAGE.bytes() as u64))?;
        let stride = if rows > 1 { stride } else { classes };
        Ok(Self { buffer, offset, rows, classes, stride, storage: T::STORAGE })
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
        for (expected, got) in [(self.rows, other.rows), (self.classes, other.classes)] {
            if expected != got {
                return Err(Error::Length { what, expected, got });
            }
        }
        Ok(())
    }
}

/// One 32-bit word a row in a buffer of the caller: targets (`u32` or `i32`), upstream factors, losses.
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

    /// As an input of so many words, read by kernels.
    pub(crate) fn input(&self, what: &'static str, words: usize) -> Result<Vector<'a>> {
        check_buffer(what, self.buffer, self.offset, words as u64 * 4)?;
        Ok(Vector { buffer: self.buffer, offset: self.offset })
    }

    /// As a result of so many words, copied there.
    pub(crate) fn check_output(&self, what: &'static str, words: usize) -> Result<()> {
        check_range(what, self.buffer, self.offset, words as u64 * 4)?;
        if !self.buffer.usage().contains(wgpu::BufferUsages::COPY_DST) {
            return Err(Error::Buffer { what, problem: format!("usage {:?} lacks COPY_DST", self.buffer.usage()) });
        }
        Ok(())
    }
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
    if !buffer.usage().contains(wgpu::BufferUsages::STORAGE) {
        return Err(Error::Buffer { what, problem: format!("usage {:?} lacks STORAGE", buffer.usage()) });
    }
    Ok(())
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
        if others.contains(&matrix.buffer) {
            let problem = "it is also the buffer of another input, which no dispatch may both read and write".into();
            return Err(Error::Buffer { what: "the result", problem });
        }
        Ok(matrix)
    }
}
