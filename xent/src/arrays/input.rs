//! Windows of a mapped array.

use std::borrow::Cow;
use std::fs::{self, File};
use std::ops::Range;
use std::path::PathBuf;

use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use half::{bf16, f16};
use memmap2::Mmap;
use wgpu_xent::Element;

use super::{ArrayError, Dtype, Layout, Spec, npy, safetensors};

/// A type of floats in files.
pub(crate) trait Float: Element {
    const DTYPE: Dtype;
}

impl Float for f32 {
    const DTYPE: Dtype = Dtype::F32;
}

impl Float for f16 {
    const DTYPE: Dtype = Dtype::F16;
}

impl Float for bf16 {
    const DTYPE: Dtype = Dtype::Bf16;
}

/// An array in a file that is mapped into memory, not read into it.
///
/// Positions and lengths count elements, in C order over all dimensions.
#[derive(Debug)]
pub(crate) struct Array {
    path: PathBuf,
    map: Mmap,
    layout: Layout,
}

impl Array {
    /// Opens the array that `spec` names, as the module describes.
    ///
    /// A file whose size is not what its header says is refused.
    pub(crate) fn open(spec: &str) -> Result<Self, ArrayError> {
        let spec = Spec::parse(spec)?;
        let path = spec.path().to_owned();
        let failed = |action| {
            let path = path.clone();
            move |cause| ArrayError::Io { path, action, cause }
        };
        // Asked before opening, which would wait for a pipe's writer.
        let kind = fs::metadata(&path).map_err(failed("open the file"))?;
        if !kind.is_file() {
            return Err(ArrayError::NotAFile { path });
        }
        let file = File::open(&path).map_err(failed("open the file"))?;
        // SAFETY: the map is read-only, private to this struct, and lends only
        // slices that it outlives. What remains is that nobody changes the
        // file meanwhile, which no program that maps its input can enforce.
        // This command does not: its output replaces a file by renaming, which
        // leaves a mapped one alone. If another does, then values change, but
        // all element types read here are valid for any bits; and if it cuts
        // the file, the system ends this process. A file that was cut before
        // is found by its size below.
        #[expect(unsafe_code, reason = "a map of a file is unsafe: see above")]
        let map = unsafe { Mmap::map(&file) }.map_err(failed("map the file"))?;

        let layout = match &spec {
            Spec::Npy(_) => npy::layout(&path, &map)?,
            Spec::Safetensors(_, name) => safetensors::layout(&path, &map, name.as_deref())?,
        };
        if layout.file_size != map.len() as u64 {
            return Err(ArrayError::Size { path, expected: layout.file_size, actual: map.len() as u64 });
        }
        Ok(Self { path, map, layout })
    }

    /// The dimensions; none for a scalar. Their product fits a `usize`, and so
    /// does that of any of them.
    pub(crate) fn shape(&self) -> &[usize] {
        &self.layout.shape
    }

    /// Type of the elements in the file.
    pub(crate) fn dtype(&self) -> Dtype {
        self.layout.dtype
    }

    /// Number of elements, 1 for a scalar.
    pub(crate) fn len(&self) -> usize {
        self.layout.len
    }

    /// Fills `out` with the elements from `start` on, which may be float32,
    /// float16 or bfloat16. Infinities, NaNs and subnormals keep their values.
    pub(crate) fn read_f32(&self, start: usize, out: &mut [f32]) -> Result<(), ArrayError> {
        let range = self.float_range(start, out.len())?;
        let (bytes, swapped) = (&self.map[range], self.layout.swapped);
        match self.dtype() {
            Dtype::F16 => halves(bytes, swapped, out, |bits, out| {
                bits.reinterpret_cast::<f16>().convert_to_f32_slice(out);
            }),
            Dtype::Bf16 => halves(bytes, swapped, out, |bits, out| {
                bits.reinterpret_cast::<bf16>().convert_to_f32_slice(out);
            }),
            _ => {
                bytemuck::cast_slice_mut(out).copy_from_slice(bytes);
                if swapped {
                    out.iter_mut().for_each(|value| *value = f32::from_bits(value.to_bits().swap_bytes()));
                }
            }
        }
        Ok(())
    }

    /// The `len` elements from `start` on, as [`read_f32`](Self::read_f32)
    /// gives them, but borrowed from the file where it holds them as such.
    pub(crate) fn window_f32(&self, start: usize, len: usize) -> Result<Cow<'_, [f32]>, ArrayError> {
        // Checked before `len` elements are allocated.
        self.float_range(start, len)?;
        if let Some(values) = self.stored(start, len)? {
            return Ok(Cow::Borrowed(values));
        }
        let mut out = vec![0.0; len];
        self.read_f32(start, &mut out)?;
        Ok(Cow::Owned(out))
    }

    /// The `len` elements from `start` on, if the file holds them as `T`s of this machine.
    pub(crate) fn stored<T: Float>(&self, start: usize, len: usize) -> Result<Option<&[T]>, ArrayError> {
        let range = self.range(start, len)?;
        if self.dtype() != T::DTYPE || self.layout.swapped {
            return Ok(None);
        }
        Ok(bytemuck::try_cast_slice(&self.map[range]).ok())
    }

    /// Fills `out` with the elements from `start` on, which may be of any
    /// integer type. What `out` holds after an error is not specified.
    pub(crate) fn read_i64(&self, start: usize, out: &mut [i64]) -> Result<(), ArrayError> {
        let dtype = self.dtype();
        if dtype == Dtype::Bool || self.is_float() {
            return Err(self.wrong_dtype("an integer type", Dtype::I64));
        }
        let range = self.range(start, out.len())?;
        let (bytes, swapped) = (&self.map[range], self.layout.swapped);
        match dtype {
            Dtype::I8 => integers(bytes, swapped, out, |b| i8::from_ne_bytes(b).into()),
            Dtype::I16 => integers(bytes, swapped, out, |b| i16::from_ne_bytes(b).into()),
            Dtype::I32 => integers(bytes, swapped, out, |b| i32::from_ne_bytes(b).into()),
            Dtype::U8 => integers(bytes, swapped, out, |b| u8::from_ne_bytes(b).into()),
            Dtype::U16 => integers(bytes, swapped, out, |b| u16::from_ne_bytes(b).into()),
            Dtype::U32 => integers(bytes, swapped, out, |b| u32::from_ne_bytes(b).into()),
            _ => integers(bytes, swapped, out, i64::from_ne_bytes),
        }
        // A value above the largest int64 has become a negative one.
        if dtype == Dtype::U64
            && let Some(index) = out.iter().position(|&value| value < 0)
        {
            return Err(ArrayError::IntegerTooLarge { path: self.path.clone(), index: start + index, value: out[index] as u64 });
        }
        Ok(())
    }

    /// Fills `out` with whether the elements from `start` on are not 0; they
    /// may be bool or of any integer type.
    pub(crate) fn read_bool(&self, start: usize, out: &mut [bool]) -> Result<(), ArrayError> {
        if self.is_float() {
            return Err(self.wrong_dtype("bool or an integer type", Dtype::Bool));
        }
        let range = self.range(start, out.len())?;
        let elements = self.map[range].chunks_exact(self.dtype().size());
        // In either byte order, a number is 0 if all its bytes are.
        out.iter_mut().zip(elements).for_each(|(out, bytes)| *out = bytes.iter().any(|&byte| byte != 0));
        Ok(())
    }

    /// Whether the elements are floating-point numbers.
    pub(crate) fn is_float(&self) -> bool {
        matches!(self.dtype(), Dtype::F16 | Dtype::Bf16 | Dtype::F32 | Dtype::F64)
    }

    /// Tells the system that the `len` elements from `start` on are not needed
    /// for now, so that a pass over a large file occupies little memory. They
    /// may still be read, at the cost of fetching them again; a range beyond
    /// the array is cut. Only a hint, and without effect outside Unix.
    pub(crate) fn release(&self, start: usize, len: usize) {
        let start = start.min(self.len());
        let len = len.min(self.len() - start);
        #[cfg(unix)]
        if let Ok(range) = self.range(start, len)
            && !range.is_empty()
        {
            // SAFETY: the map is shared with the file and never written, so
            // dropped pages come back with the file's bytes: slices that
            // borrow them see no change. The range is within the map; that
            // whole pages are dropped is therefore harmless as well.
            // A hint that fails costs memory only.
            #[expect(unsafe_code, reason = "dropping pages is unsafe for maps that can be written: see above")]
            let _ = unsafe { self.map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, range.start, range.len()) };
        }
        #[cfg(not(unix))]
        let _ = (start, len);
    }

    /// The same for elements that others surround which were not asked for: the
    /// system maps up to 64 KiB at a time.
    pub(crate) fn release_around(&self, start: usize, len: usize) {
        let around = (64 << 10) / self.dtype().size();
        let first = start.saturating_sub(around);
        self.release(first, start - first + len + around);
    }

    /// Where the elements' bytes are in the map.
    fn range(&self, start: usize, len: usize) -> Result<Range<usize>, ArrayError> {
        match start.checked_add(len) {
            Some(end) if end <= self.len() => {
                let byte = |element| self.layout.offset + element * self.dtype().size();
                Ok(byte(start)..byte(end))
            }
            _ => Err(ArrayError::OutOfRange { path: self.path.clone(), start, len, total: self.len() }),
        }
    }

    fn float_range(&self, start: usize, len: usize) -> Result<Range<usize>, ArrayError> {
        match self.dtype() {
            Dtype::F16 | Dtype::Bf16 | Dtype::F32 => self.range(start, len),
            _ => Err(self.wrong_dtype("float32, float16 or bfloat16", Dtype::F32)),
        }
    }

    fn wrong_dtype(&self, expected: &'static str, convert: Dtype) -> ArrayError {
        ArrayError::WrongDtype { path: self.path.clone(), dtype: self.dtype(), expected, convert }
    }
}

/// Converts values of two bytes block by block, through a buffer that takes
/// care of their alignment and byte order.
fn halves(bytes: &[u8], swapped: bool, out: &mut [f32], convert: impl Fn(&[u16], &mut [f32])) {
    const BLOCK: usize = 1024;
    let mut bits = [0u16; BLOCK];
    for (bytes, out) in bytes.chunks(2 * BLOCK).zip(out.chunks_mut(BLOCK)) {
        let bits = &mut bits[..out.len()];
        bytemuck::cast_slice_mut(bits).copy_from_slice(bytes);
        if swapped {
            bits.iter_mut().for_each(|bits| *bits = bits.swap_bytes());
        }
        convert(bits, out);
    }
}

fn integers<const N: usize>(bytes: &[u8], swapped: bool, out: &mut [i64], convert: impl Fn([u8; N]) -> i64) {
    for (out, &bytes) in out.iter_mut().zip(bytes.as_chunks().0) {
        let mut bytes: [u8; N] = bytes;
        if swapped {
            bytes.reverse();
        }
        *out = convert(bytes);
    }
}
