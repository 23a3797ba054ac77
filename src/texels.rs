//! Logits through a texture: a window of them is copied there, byte for byte, and kernels read 16 bytes a texel.
//!
//! llvmpipe reads a buffer lane by lane and number by number, but a texture with whole vectors: copy and reading together
//! take a fifth to a third of the time. See `docs/decisions/0010-logits-through-a-texture.md`.

use std::sync::{Mutex, PoisonError};

use crate::Result;
use crate::caps::Caps;
use crate::gpu::Gpu;
use crate::launch::{Call, Matrix, Window};
use crate::views::Storage;

/// Texels of a row of the texture: as in `texels.wgsl`. Every WebGPU adapter has as many, and a row is a multiple of the 256
/// bytes that copies want.
pub(crate) const TEXELS_ACROSS: u64 = 4096;

/// Bytes of a texel: four words.
const TEXEL: u64 = 16;

/// Elements of a storage type that a quad must start at a multiple of.
const QUAD: u64 = 4;

/// The most bytes that the texture of an adapter holds.
pub(crate) fn most_bytes(caps: &Caps) -> u64 {
    let side = u64::from(caps.max_texture);
    if side < TEXELS_ACROSS { 0 } else { (side * TEXELS_ACROSS * TEXEL).saturating_sub(TEXEL) }
}

/// The bytes of a window of a matrix: the first, and the one behind the last.
fn bytes_of(matrix: &Matrix<'_>, classes: u64, inner: u64, first: u64, rows: u64) -> (u64, u64) {
    let element = matrix.storage.bytes() as u64;
    let begin = matrix.offset + first / inner * matrix.stride * element;
    (begin, begin + ((rows / inner - 1) * matrix.stride + classes * inner) * element)
}

/// Texels behind the last one of a window that are read, and not used, with the last quad of its last row, if quads may straddle
/// texels: up to three elements of it are none. They must be there: nothing is left to what a driver does beyond a texture.
fn texels_behind(classes: u64, inner: u64, storage: Storage) -> u64 {
    let elements = if classes.is_multiple_of(QUAD) { 0 } else { (QUAD - 1) * inner };
    // Quads of 16 bits are taken from four words, of which they may end in the third.
    let words = if storage.is_half() { 2 } else { 0 };
    (elements * storage.bytes() as u64 + words * 4).div_ceil(TEXEL)
}

/// Whether whole texels of a matrix of some rows can be copied out of its buffer.
pub(crate) fn can_copy(matrix: &Matrix<'_>, classes: u64, inner: u64, rows: u64) -> bool {
    let (_, end) = bytes_of(matrix, classes, inner, 0, rows);
    matrix.buffer.usage().contains(wgpu::BufferUsages::COPY_SRC) && end.next_multiple_of(TEXEL) <= matrix.buffer.size()
}

/// A texture that is kept for the next call: work that is submitted later writes it later.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Option<wgpu::Texture>>);

impl Kept {
    /// The bytes of it.
    pub(crate) fn bytes(&self) -> u64 {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map_or(0, |texture| u64::from(texture.height()) * TEXELS_ACROSS * TEXEL)
    }

    /// What was kept, to be let go.
    pub(crate) fn trim(&self) -> Option<wgpu::Texture> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// One of at least so many rows of texels.
    fn at_least(&self, gpu: &Gpu, rows: u32) -> Result<wgpu::Texture> {
        // Before the lock: who has the turn may want that.
        let _turn = gpu.turn()?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(texture) = kept.as_ref().filter(|texture| texture.height() >= rows) {
            return Ok(texture.clone());
        }
        let height = rows.next_power_of_two().min(gpu.caps().max_texture);
        let texture = gpu.scoped(u64::from(height) * TEXELS_ACROSS * TEXEL, || {
            gpu.device().create_texture(&wgpu::TextureDescriptor {
                label: Some("logits"),
                size: wgpu::Extent3d { width: TEXELS_ACROSS as u32, height, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: wgpu::TextureFormat::Rgba32Uint,
                usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
                view_formats: &[],
            })
        })?;
        Ok(kept.insert(texture).clone())
    }
}

/// A window of logits in a texture.
pub(crate) struct Texels {
    pub(crate) view: wgpu::TextureView,
    /// The element of it that is the window's first.
    pub(crate) start: u32,
    pub(crate) storage: Storage,
    /// Whether quads do not straddle texels.
    pub(crate) aligned: bool,
}

impl Texels {
    /// Records the copy of a window of the logits of a call.
    pub(crate) fn copy(
        gpu: &Gpu,
        encoder: &mut wgpu::CommandEncoder,
        call: &Call<'_>,
        logits: &Matrix<'_>,
        window: Window,
    ) -> Result<Self> {
        let (begin, end) = bytes_of(logits, call.classes, call.inner, window.matrix_first, window.rows);
        let from = begin / TEXEL * TEXEL;
        let texels = (end - from).div_ceil(TEXEL);
        let (rows, rest) = (texels / TEXELS_ACROSS, texels % TEXELS_ACROSS);
        let start = (begin - from) / logits.storage.bytes() as u64;
        let aligned = call.inner == 1 && start.is_multiple_of(QUAD) && logits.stride.is_multiple_of(QUAD);
        let behind = if aligned { 0 } else { texels_behind(call.classes, call.inner, logits.storage) };
        let texture = gpu.kept_texels().at_least(gpu, (texels + behind).div_ceil(TEXELS_ACROSS) as u32)?;
        let mut copy = |row: u64, width: u64, height: u64| {
            let pitch = TEXELS_ACROSS * TEXEL;
            let layout =
                wgpu::TexelCopyBufferLayout { offset: from + row * pitch, bytes_per_row: Some(pitch as u32), rows_per_image: None };
            let origin = wgpu::Origin3d { x: 0, y: row as u32, z: 0 };
            let extent = wgpu::Extent3d { width: width as u32, height: height as u32, depth_or_array_layers: 1 };
            let source = wgpu::TexelCopyBufferInfo { buffer: logits.buffer, layout };
            encoder.copy_buffer_to_texture(source, wgpu::TexelCopyTextureInfo { origin, ..texture.as_image_copy() }, extent);
        };
        if rows > 0 {
            copy(0, TEXELS_ACROSS, rows);
        }
        if rest > 0 {
            copy(rows, rest, 1);
        }
        Ok(Self {
            view: gpu.scoped(0, || texture.create_view(&wgpu::TextureViewDescriptor::default()))?,
            start: start as u32,
            storage: logits.storage,
            aligned,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every element of the last quad of every row of a last block lies in a texel that is there, wherever the block starts.
    #[test]
    fn the_last_quads_are_within_the_texels() {
        for (storage, classes, inner, start) in [Storage::F32, Storage::F16]
            .into_iter()
            .flat_map(|s| (1..10_u64).flat_map(move |c| (1..6_u64).flat_map(move |i| (0..9_u64).map(move |start| (s, c, i, start)))))
        {
            let per_texel = TEXEL / storage.bytes() as u64;
            let texels = (start + classes * inner).div_ceil(per_texel);
            // The last quad's elements one by one, where they lie apart; else four words from that of its first, as words_at() takes them.
            let first = start + (classes.next_multiple_of(QUAD) - QUAD) * inner;
            let per_word = per_texel / 4;
            let last = if inner > 1 { (first + (QUAD - 1) * inner + inner - 1) / per_texel } else { (first / per_word).div_ceil(4) };
            let there = texels + texels_behind(classes, inner, storage);
            assert!(last < there, "{storage}, {classes} x {inner} from {start}: texel {last} of {there}");
        }
    }
}
