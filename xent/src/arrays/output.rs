//! Arrays written in order and put in place when complete.

use std::fs;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ::safetensors::Dtype as FileDtype;
use half::{bf16, f16};
use tempfile::NamedTempFile;
use wgpu_xent::Storage;

use super::{Array, ArrayError, Dtype, Spec, element_count, npy, safetensors};

/// Name of a tensor for which the specification has none.
const DEFAULT_NAME: &str = "data";

/// Writes an array to a temporary file beside its target.
///
/// [`finish`](Writer::finish) puts it in place; a writer dropped before that
/// removes it. The target is thus the old file or the whole new one at any
/// time, and may be the file of an open [`Array`], which keeps
/// its old elements. (A system that forbids replacing a mapped file, such as
/// Windows, makes `finish` fail and leaves the old file.)
#[derive(Debug)]
pub(crate) struct Writer {
    path: PathBuf,
    /// The path with symbolic links followed, so that they are kept.
    target: PathBuf,
    pub(super) temporary: BufWriter<NamedTempFile>,
    dtype: Dtype,
    /// Bytes before the first element.
    start: usize,
    /// The element that the next write goes to, if it is not told another.
    next: usize,
    len: usize,
    written: usize,
    /// Size of the whole file, which tells a write that failed midway.
    file_size: u64,
}

impl Writer {
    /// Starts a float32 array at `spec`, as the module describes; a tensor
    /// without a name is named `data`.
    ///
    /// The file is replaced as a whole; one that holds several tensors is
    /// refused, since naming one of them reads as if the others were kept.
    pub(crate) fn create(spec: &str, shape: &[usize]) -> Result<Self, ArrayError> {
        Self::create_floats(spec, shape, Storage::F32)
    }

    /// The same for floats of any type. `.npy` files have no bfloat16.
    pub(crate) fn create_floats(spec: &str, shape: &[usize], storage: Storage) -> Result<Self, ArrayError> {
        match storage {
            Storage::F16 => Self::create_as(spec, shape, Dtype::F16, ("<f2", FileDtype::F16)),
            Storage::Bf16 => {
                if let Spec::Npy(path) = Spec::parse(spec)? {
                    return Err(ArrayError::NoBf16 { path });
                }
                Self::create_as(spec, shape, Dtype::Bf16, ("", FileDtype::BF16))
            }
            _ => Self::create_as(spec, shape, Dtype::F32, ("<f4", FileDtype::F32)),
        }
    }

    /// The same for an int64 array.
    pub(crate) fn create_i64(spec: &str, shape: &[usize]) -> Result<Self, ArrayError> {
        Self::create_as(spec, shape, Dtype::I64, ("<i8", FileDtype::I64))
    }

    /// Starts an array whose type has these names in the two formats.
    fn create_as(spec: &str, shape: &[usize], dtype: Dtype, names: (&str, FileDtype)) -> Result<Self, ArrayError> {
        let spec = Spec::parse(spec)?;
        let path = spec.path().to_owned();
        let len = element_count(&path, shape, dtype)?;
        let bytes = len * dtype.size();
        let header = match &spec {
            Spec::Npy(_) => npy::header(shape, names.0),
            Spec::Safetensors(_, name) => {
                let name = name.as_deref().unwrap_or(DEFAULT_NAME);
                if name == "__metadata__" {
                    return Err(ArrayError::ReservedName { path });
                }
                safetensors::header(name, shape, names.1, bytes)
            }
        };

        let target = target(&path)?;
        if let Spec::Safetensors(path, _) = &spec
            && let Some(Err(ArrayError::AmbiguousTensor { path, names })) = path.to_str().map(Array::open)
        {
            let count = names.len();
            return Err(ArrayError::OtherTensors { path, count });
        }
        let temporary = temporary_beside(&path, &target)?;
        let mut writer = Self {
            path,
            target,
            temporary: BufWriter::with_capacity(1 << 16, temporary),
            dtype,
            start: header.len(),
            next: 0,
            len,
            written: 0,
            file_size: (header.len() + bytes) as u64,
        };
        writer.put(&header)?;
        Ok(writer)
    }

    /// The file that will be replaced or created, the same however its path was written.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Writes the elements at `start` next, instead of those behind the last
    /// ones. Each is to be written once.
    pub(crate) fn seek(&mut self, start: usize) -> Result<(), ArrayError> {
        if start != self.next {
            let byte = SeekFrom::Start((self.start + start * self.dtype.size()) as u64);
            let sought = self.temporary.seek(byte);
            sought.map_err(|cause| ArrayError::Io { path: self.path.clone(), action: "write the file", cause })?;
            self.next = start;
        }
        Ok(())
    }

    /// Writes elements of an array of floats, rounded to its type.
    pub(crate) fn write(&mut self, values: &[f32]) -> Result<(), ArrayError> {
        assert_ne!(self.dtype, Dtype::I64, "the array was created for other elements");
        self.count(values.len())?;
        if self.dtype != Dtype::F32 {
            let is_f16 = self.dtype == Dtype::F16;
            let bits = |&value| if is_f16 { f16::from_f32(value).to_bits() } else { bf16::from_f32(value).to_bits() };
            let halves: Vec<u16> = values.iter().map(|value| bits(value).to_le()).collect();
            return self.put(bytemuck::cast_slice(&halves));
        }
        if cfg!(target_endian = "little") {
            return self.put(bytemuck::cast_slice(values));
        }
        let swapped: Vec<u32> = values.iter().map(|value| value.to_bits().to_le()).collect();
        self.put(bytemuck::cast_slice(&swapped))
    }

    /// Writes elements of an int64 array.
    pub(crate) fn write_i64(&mut self, values: &[i64]) -> Result<(), ArrayError> {
        assert_eq!(self.dtype, Dtype::I64, "the array was created for other elements");
        self.count(values.len())?;
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.put(&bytes)
    }

    /// There is room for these elements, which will be written now.
    fn count(&mut self, elements: usize) -> Result<(), ArrayError> {
        let written = self.written.saturating_add(elements);
        if written > self.len {
            return Err(self.miscounted(written));
        }
        (self.written, self.next) = (written, self.next + elements);
        Ok(())
    }

    /// Puts the file in place, if exactly the elements of its shape are there.
    pub(crate) fn finish(self) -> Result<(), ArrayError> {
        if self.written != self.len {
            return Err(self.miscounted(self.written));
        }
        let failed = |cause| ArrayError::Io { path: self.path.clone(), action: "write the file", cause };
        let temporary = self.temporary.into_inner();
        let temporary = temporary.map_err(|error| failed(error.into_error()))?;
        let actual = temporary.as_file().metadata().map_err(failed)?.len();
        if actual != self.file_size {
            return Err(ArrayError::Size { path: self.path, expected: self.file_size, actual });
        }
        let placed = temporary.persist(self.target);
        placed.map_err(|error| failed(error.error))?;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), ArrayError> {
        self.temporary.write_all(bytes).map_err(|cause| ArrayError::Io { path: self.path.clone(), action: "write the file", cause })
    }

    fn miscounted(&self, written: usize) -> ArrayError {
        ArrayError::ElementCount { path: self.path.clone(), expected: self.len, written }
    }
}

/// The file to replace or create; refuses one that should stay as it is.
fn target(path: &Path) -> Result<PathBuf, ArrayError> {
    let owned = || path.to_owned();
    match fs::metadata(path) {
        Ok(old) if !old.is_file() => Err(ArrayError::NotAFile { path: owned() }),
        // Renaming would replace even a file that may not be written.
        Ok(old) if old.permissions().readonly() => Err(ArrayError::ReadOnly { path: owned() }),
        Ok(_) => fs::canonicalize(path).map_err(|cause| ArrayError::Io { path: owned(), action: "find the file", cause }),
        // Whatever else is wrong shows when the temporary file is created.
        Err(_) => Ok(fresh(path).unwrap_or_else(|| path.to_owned())),
    }
}

/// The path of a file to create, with its directory's links followed.
fn fresh(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?;
    Some(fs::canonicalize(directory(path)).ok()?.join(name))
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if directory != Path::new("") => directory,
        _ => Path::new("."),
    }
}

fn temporary_beside(path: &Path, target: &Path) -> Result<NamedTempFile, ArrayError> {
    let directory = directory(target);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".xent-").suffix(".tmp");
    // The usual permissions instead of a temporary file's private ones.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory).map_err(|cause| {
        let path = path.to_owned();
        if directory.is_dir() {
            ArrayError::Io { path, action: "create a file beside it", cause }
        } else {
            ArrayError::NoDirectory { path, parent: directory.to_owned() }
        }
    })
}
