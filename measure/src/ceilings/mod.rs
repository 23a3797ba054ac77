//! What an adapter can reach at most: a copy, a read, a read with one exp an element, and a write of the logits' bytes.

use wgpu_xent::{Gpu, Storage, wgpu};

use crate::data::Data;
use crate::device::{buffer, filled, read, read_words};
use crate::kernel::{Kernel, grid};

/// What is done with the bytes of the logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ceiling {
    Copy,
    Read,
    ReadExp,
    Write,
}

impl Ceiling {
    pub(crate) const ALL: [Self; 4] = [Self::Copy, Self::Read, Self::ReadExp, Self::Write];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Read => "read",
            Self::ReadExp => "read+exp",
            Self::Write => "write",
        }
    }

    /// Bytes read and bytes written, for logits of so many.
    pub(crate) fn bytes(self, logits: u64) -> u64 {
        if self == Self::Copy { 2 * logits } else { logits }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Copy => include_str!("copy.wgsl"),
            Self::Read => concat!(include_str!("words.wgsl"), include_str!("read.wgsl")),
            Self::ReadExp => concat!(include_str!("exp.wgsl"), include_str!("read.wgsl")),
            Self::Write => include_str!("write.wgsl"),
        }
    }

    fn reads(self) -> bool {
        matches!(self, Self::Read | Self::ReadExp)
    }

    /// Quads that a thread serves.
    fn quads(self) -> u64 {
        if self.reads() { 64 } else { 4 }
    }
}

fn workgroup(gpu: &Gpu) -> u32 {
    if gpu.is_software() { 32 } else { 256 }
}

/// The compiled kernels of all ceilings, for a storage type.
#[derive(Debug)]
pub(crate) struct Kernels {
    kernels: [Kernel; 4],
    workgroup: u32,
}

impl Kernels {
    pub(crate) fn new(gpu: &Gpu, storage: Storage) -> Self {
        let workgroup = workgroup(gpu);
        let number = match storage {
            Storage::F16 => 1.0,
            Storage::Bf16 => 2.0,
            _ => 0.0,
        };
        let all = [("WORKGROUP", f64::from(workgroup)), ("STORAGE", number)];
        let constants = |c| if c == Ceiling::ReadExp { &all[..] } else { &all[..1] };
        Self { kernels: Ceiling::ALL.map(|c| Kernel::new(gpu, c.name(), c.source(), constants(c))), workgroup }
    }

    /// How a ceiling is computed.
    pub(crate) fn plan(&self, ceiling: Ceiling) -> String {
        format!("{} quads a thread, {} threads a group", ceiling.quads(), self.workgroup)
    }

    /// All ceilings on the buffers of a set.
    pub(crate) fn bound(&self, gpu: &Gpu, logits: &wgpu::Buffer, result: &wgpu::Buffer) -> Bound {
        let parts = |ceiling: Ceiling| self.parts(gpu, ceiling, logits, result);
        Bound { parts: Ceiling::ALL.map(parts) }
    }

    /// A dispatch for each range that can be bound.
    fn parts(&self, gpu: &Gpu, ceiling: Ceiling, logits: &wgpu::Buffer, result: &wgpu::Buffer) -> Vec<Part> {
        let most = gpu.caps().max_binding.min(1 << 31) / 256 * 256;
        let part = |offset: u64| {
            let bytes = most.min(logits.size() - offset);
            let quads = bytes / 16;
            let grid = grid(gpu, quads.div_ceil(ceiling.quads()), self.workgroup);
            let params = filled(gpu, &[quads as u32, grid.0]);
            let range = |buffer| wgpu::BufferBinding { buffer, offset, size: wgpu::BufferSize::new(bytes) };
            let words = u64::from(grid.0) * u64::from(grid.1) * u64::from(self.workgroup);
            let sums = ceiling.reads().then(|| buffer(gpu, words * 4));
            let to = sums.as_ref().map_or_else(|| range(result), wgpu::Buffer::as_entire_buffer_binding);
            let bindings = [params.as_entire_buffer_binding(), to, range(logits)];
            let used = if ceiling == Ceiling::Write { &bindings[..2] } else { &bindings[..] };
            let group = self.kernels[ceiling as usize].bind(gpu, used);
            Part { group, grid, sums, words: words as usize, quads: quads as u32 }
        };
        (0..logits.size()).step_by(most as usize).map(part).collect()
    }
}

/// The ceilings of one set of buffers.
#[derive(Debug)]
pub(crate) struct Bound {
    parts: [Vec<Part>; 4],
}

#[derive(Debug)]
struct Part {
    group: wgpu::BindGroup,
    grid: (u32, u32),
    sums: Option<wgpu::Buffer>,
    words: usize,
    quads: u32,
}

impl Bound {
    pub(crate) fn record(&self, kernels: &Kernels, ceiling: Ceiling, encoder: &mut wgpu::CommandEncoder) {
        let kernel = &kernels.kernels[ceiling as usize];
        self.parts[ceiling as usize].iter().for_each(|part| kernel.record(encoder, &part.group, part.grid));
    }

    /// Whether what a ceiling left behind is right: everything was read, or written.
    pub(crate) fn is_right(&self, gpu: &Gpu, ceiling: Ceiling, data: &Data, result: &wgpu::Buffer) -> bool {
        let parts = &self.parts[ceiling as usize];
        let sums = || parts.iter().filter_map(|part| part.sums.as_ref().map(|sums| (sums, part.words)));
        match ceiling {
            Ceiling::Copy => {
                let expected = data.all();
                crate::device::read_bytes(gpu, result, data.bytes(), |got| got == expected)
            }
            Ceiling::Read => {
                let mut expected = 0_u32;
                data.for_each_piece(|_, piece| {
                    expected = piece.chunks_exact(4).fold(expected, |s, w| s.wrapping_add(u32::from_ne_bytes([w[0], w[1], w[2], w[3]])));
                });
                let add = |words: &[u32]| words.iter().fold(0, |s: u32, &w| s.wrapping_add(w));
                sums().fold(0, |s: u32, (buffer, words)| s.wrapping_add(read_words(gpu, buffer, words, add))) == expected
            }
            Ceiling::ReadExp => {
                let of_rows = |rows: usize| data.values[..rows * data.shape.classes].iter().map(|&v| f64::from(v).exp()).sum::<f64>();
                let (periods, rest) = (data.shape.rows / data.period, data.shape.rows % data.period);
                // What fills up the last quad is 0.
                let padding = data.bytes().next_multiple_of(16) - data.bytes();
                let expected = periods as f64 * of_rows(data.period) + of_rows(rest) + (padding / data.storage.bytes() as u64) as f64;
                let add = |values: &[f32]| values.iter().map(|&v| f64::from(v)).sum::<f64>();
                let got: f64 = sums().map(|(buffer, words)| read(gpu, buffer, words, add)).sum();
                (got / expected - 1.0).abs() < 1e-3
            }
            Ceiling::Write => {
                let words = parts.iter().flat_map(|part| std::iter::repeat_n(part.quads, part.quads as usize * 4));
                read_words(gpu, result, result.size() as usize / 4, |got| words.eq(got.iter().copied()))
            }
        }
    }
}
