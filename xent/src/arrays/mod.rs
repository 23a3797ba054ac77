//! Arrays in files: the command's only code that knows a file format.
//!
//! [`Array`] maps a file and hands out windows of it, so that an array larger
//! than memory can be streamed. [`Writer`] takes an array's elements in order
//! and puts the finished file in place in one step.
//!
//! | written as                | format                                         |
//! |---------------------------|------------------------------------------------|
//! | `path.npy`                | `NumPy`, versions 1 to 3 read, version 1 written |
//! | `path.safetensors`        | safetensors, the file's only tensor            |
//! | `path.safetensors:tensor` | safetensors, the named tensor                  |
//!
//! A specification is split at the first `.safetensors:`, so a tensor's name
//! may hold any character and a directory's name may hold a colon.

mod error;
mod input;
mod npy;
mod output;
mod safetensors;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

pub(crate) use error::ArrayError;
pub(crate) use input::{Array, Float};
pub(crate) use output::Writer;

/// The most dimensions an array may have, `NumPy`'s own limit.
const MAX_DIMS: usize = 64;

/// Type of an array's elements; prints as `NumPy` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Dtype {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    Bf16,
    F32,
    F64,
}

impl Dtype {
    /// Bytes of one element.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 | Self::Bf16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bool => "bool",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
            Self::F32 => "float32",
            Self::F64 => "float64",
        })
    }
}

/// Where an array's elements lie in its file, as the header tells it.
#[derive(Debug)]
struct Layout {
    dtype: Dtype,
    shape: Vec<usize>,
    /// Whether the elements have the other byte order than this machine.
    swapped: bool,
    /// Position of the first element in the file.
    offset: usize,
    /// Number of elements.
    len: usize,
    /// Size that the header implies for the whole file.
    file_size: u64,
}

/// How the paths of arrays end, for people.
pub(crate) const EXTENSIONS: &str = ".npy, .safetensors or .safetensors:TENSOR";

/// Whether this is the path of an array, as far as its ending tells.
pub(crate) fn may_be_array(spec: &str) -> bool {
    !matches!(Spec::parse(spec), Err(ArrayError::UnknownFormat { .. }))
}

/// A file's path and format, and the tensor meant in it.
#[derive(Debug, PartialEq)]
enum Spec {
    Npy(PathBuf),
    Safetensors(PathBuf, Option<String>),
}

impl Spec {
    fn parse(spec: &str) -> Result<Self, ArrayError> {
        const EXTENSION: &str = ".safetensors";
        if let Some((stem, name)) = spec.split_once(".safetensors:") {
            let path = format!("{stem}{EXTENSION}").into();
            return match name {
                "" => Err(ArrayError::EmptyName { path }),
                _ => Ok(Self::Safetensors(path, Some(name.to_owned()))),
            };
        }
        if spec.ends_with(EXTENSION) {
            Ok(Self::Safetensors(spec.into(), None))
        } else if spec.ends_with(".npy") {
            Ok(Self::Npy(spec.into()))
        } else {
            Err(ArrayError::UnknownFormat { path: spec.into() })
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Npy(path) | Self::Safetensors(path, _) => path,
        }
    }
}

/// Number of elements of an array that this machine can address.
fn element_count(path: &Path, shape: &[usize], dtype: Dtype) -> Result<usize, ArrayError> {
    let refused = |reason: String| ArrayError::Header { path: path.to_owned(), reason };
    if shape.len() > MAX_DIMS {
        let dims = shape.len();
        return Err(refused(format!("{dims} dimensions, at most {MAX_DIMS}")));
    }
    // Counting a dimension of 0 as 1 keeps every partial product within
    // range as well, so that callers may multiply any of the dimensions.
    shape
        .iter()
        .try_fold(dtype.size(), |bytes, &dim| bytes.checked_mul(dim.max(1)))
        .filter(|&bytes| bytes <= isize::MAX as usize)
        .map(|bytes| match shape.contains(&0) {
            true => 0,
            false => bytes / dtype.size(),
        })
        .ok_or_else(|| refused(format!("shape {shape:?} of {dtype} is too large to address")))
}
