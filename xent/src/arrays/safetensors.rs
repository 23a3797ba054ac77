//! The header of `.safetensors` files, through the crate of that name.
//!
//! The header is given to the crate alone, not the whole file: that leaves the
//! comparison with the file's size, and the numbers in its message, to us.

use std::path::Path;

use ::safetensors::Dtype as FileDtype;
use ::safetensors::tensor::{Metadata, TensorInfo};

use super::error::clipped;
use super::{ArrayError, Dtype, Layout, element_count};

/// Bytes of the header's length at the start of a file.
const LENGTH: usize = 8;
/// Longest header that the format allows.
const LONGEST_HEADER: usize = 100_000_000;

/// Reads the header of `file` and finds the tensor `name`, or the only one.
pub(super) fn layout(path: &Path, file: &[u8], name: Option<&str>) -> Result<Layout, ArrayError> {
    let malformed = |reason: String| ArrayError::Header { path: path.to_owned(), reason };
    let (header, start) = split(file).map_err(malformed)?;
    let metadata: Metadata = serde_json::from_slice(header).map_err(|error| malformed(clipped(&error.to_string())))?;

    let file_size = (start as u64)
        .checked_add(metadata.data_len() as u64)
        .ok_or_else(|| malformed("its offsets are too large to address".to_owned()))?;
    if file_size != file.len() as u64 {
        return Err(ArrayError::Size { path: path.to_owned(), expected: file_size, actual: file.len() as u64 });
    }

    let tensor = find(path, &metadata, name)?;
    let dtype = element_type(path, tensor.dtype)?;
    Ok(Layout {
        dtype,
        shape: tensor.shape.clone(),
        swapped: cfg!(target_endian = "big"),
        offset: start + tensor.data_offsets.0,
        len: element_count(path, &tensor.shape, dtype)?,
        file_size,
    })
}

/// The header of a file that holds only the tensor `name`.
pub(super) fn header(name: &str, shape: &[usize], dtype: FileDtype, bytes: usize) -> Vec<u8> {
    let info = TensorInfo { dtype, shape: shape.to_vec(), data_offsets: (0, bytes) };
    let metadata = Metadata::new(None, vec![(name.to_owned(), info)]);
    let mut json =
        metadata.ok().and_then(|metadata| serde_json::to_vec(&metadata).ok()).expect("a single tensor with the size of its shape is valid");
    // Blanks after it align the elements, as the format recommends.
    json.resize(json.len().next_multiple_of(LENGTH), b' ');
    let mut header = (json.len() as u64).to_le_bytes().to_vec();
    header.extend(json);
    header
}

/// The header's text, and the position where the elements start.
fn split(file: &[u8]) -> Result<(&[u8], usize), String> {
    let Some((length, rest)) = file.split_first_chunk::<LENGTH>() else {
        return Err(format!("the file's {} bytes do not hold its length", file.len()));
    };
    let length = u64::from_le_bytes(*length);
    let header = usize::try_from(length).ok().filter(|&length| length <= LONGEST_HEADER).and_then(|length| rest.get(..length));
    match header {
        Some(header) => Ok((header, LENGTH + header.len())),
        None if length > LONGEST_HEADER as u64 => Err(format!("it claims {length} bytes, at most {LONGEST_HEADER} are allowed")),
        None => Err(format!("it claims {length} bytes, the whole file has {}", file.len())),
    }
}

fn find<'a>(path: &Path, metadata: &'a Metadata, name: Option<&str>) -> Result<&'a TensorInfo, ArrayError> {
    let names = || {
        let mut names = metadata.offset_keys();
        names.sort();
        names
    };
    let path = path.to_owned();
    if let Some(name) = name {
        return metadata.info(name).ok_or_else(|| ArrayError::NoSuchTensor { path, name: name.to_owned(), names: names() });
    }
    let mut names = names();
    match names.len() {
        0 => Err(ArrayError::NoTensors { path }),
        1 => find(&path.clone(), metadata, names.pop().as_deref()),
        _ => Err(ArrayError::AmbiguousTensor { path, names }),
    }
}

fn element_type(path: &Path, dtype: FileDtype) -> Result<Dtype, ArrayError> {
    Ok(match dtype {
        FileDtype::BOOL => Dtype::Bool,
        FileDtype::I8 => Dtype::I8,
        FileDtype::I16 => Dtype::I16,
        FileDtype::I32 => Dtype::I32,
        FileDtype::I64 => Dtype::I64,
        FileDtype::U8 => Dtype::U8,
        FileDtype::U16 => Dtype::U16,
        FileDtype::U32 => Dtype::U32,
        FileDtype::U64 => Dtype::U64,
        FileDtype::F16 => Dtype::F16,
        FileDtype::BF16 => Dtype::Bf16,
        FileDtype::F32 => Dtype::F32,
        FileDtype::F64 => Dtype::F64,
        other => {
            return Err(ArrayError::UnsupportedDtype {
                path: path.to_owned(),
                dtype: other.to_string(),
                fix: "convert the tensor to F32 or to an integer type",
            });
        }
    })
}
