//! From a plan and buffers to recorded dispatches: parameters, bindings, windows. The same for host and device level.

use std::sync::Arc;

use bytemuck::Zeroable;

use crate::Result;
use crate::gpu::Gpu;
use crate::pipeline::Pipeline;
use crate::plan::{Plan, grid};
use crate::shader::{Kernel, Phase, Variant, slot};
use crate::views::Storage;

/// "Not wanted" and "not there" in parameters. `NONE` of `params.wgsl`.
pub(crate) const NONE: u32 = u32::MAX;

/// `Params` of `params.wgsl`, word for word; a test compares the two.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Params {
    pub(crate) items: u32,
    pub(crate) grid_x: u32,
    pub(crate) classes: u32,
    pub(crate) quads: u32,
    pub(crate) chunks: u32,
    pub(crate) chunk_quads: u32,
    pub(crate) ones: u32,
    pub(crate) logits_start: u32,
    pub(crate) logits_stride: u32,
    pub(crate) second_start: u32,
    pub(crate) second_stride: u32,
    pub(crate) result_start: u32,
    pub(crate) result_stride: u32,
    pub(crate) targets_start: u32,
    pub(crate) upstream_start: u32,
    pub(crate) saved_lse_start: u32,
    pub(crate) saved_loss_start: u32,
    pub(crate) loss_start: u32,
    pub(crate) lse_start: u32,
    pub(crate) argmax_start: u32,
    pub(crate) row_base: u32,
    pub(crate) ignore_index: u32,
    pub(crate) ignores: u32,
    pub(crate) mean: u32,
    pub(crate) scale: f32,
    pub(crate) bound: u32,
    pub(crate) padding: [u32; 2],
}

/// A matrix in a buffer: the first element's byte and the row stride in elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a> {
    pub(crate) buffer: &'a wgpu::Buffer,
    pub(crate) offset: u64,
    pub(crate) stride: u64,
    pub(crate) storage: Storage,
}

/// One 32-bit word a row in a buffer, from a byte on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vector<'a> {
    pub(crate) buffer: &'a wgpu::Buffer,
    pub(crate) offset: u64,
}

/// Results of one word a row. Each starts at a word of the window's scratch buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowOut<'a> {
    pub(crate) buffer: &'a wgpu::Buffer,
    pub(crate) loss: Option<u32>,
    pub(crate) lse: Option<u32>,
    pub(crate) argmax: Option<u32>,
}

impl<'a> RowOut<'a> {
    /// The wanted ones of loss, log-sum-exp and argmax, one behind the other.
    pub(crate) fn new(buffer: &'a wgpu::Buffer, window_rows: u32, wanted: [bool; 3]) -> Self {
        let mut next = 0;
        let [loss, lse, argmax] = wanted.map(|wanted| {
            let start = next;
            next += if wanted { window_rows } else { 0 };
            wanted.then_some(start)
        });
        Self { buffer, loss, lse, argmax }
    }
}

/// Everything a kernel is given, for all rows of the call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) kernel: &'static Kernel,
    pub(crate) classes: u64,
    pub(crate) logits: Option<Matrix<'a>>,
    pub(crate) second: Option<Matrix<'a>>,
    pub(crate) result: Option<Matrix<'a>>,
    pub(crate) targets: Option<Vector<'a>>,
    pub(crate) upstream: Option<Vector<'a>>,
    pub(crate) saved_lse: Option<Vector<'a>>,
    pub(crate) saved_loss: Option<Vector<'a>>,
    pub(crate) row_out: Option<RowOut<'a>>,
    pub(crate) summary: Option<&'a wgpu::Buffer>,
    pub(crate) ignore_index: Option<u32>,
    pub(crate) mean: bool,
    pub(crate) scale: f32,
    pub(crate) bound: u64,
}

impl Call<'_> {
    pub(crate) fn new(kernel: &'static Kernel, classes: u64) -> Self {
        Self {
            kernel,
            classes,
            logits: None,
            second: None,
            result: None,
            targets: None,
            upstream: None,
            saved_lse: None,
            saved_loss: None,
            row_out: None,
            summary: None,
            ignore_index: None,
            mean: false,
            scale: 1.0,
            bound: 0,
        }
    }

    /// Whether the result goes where the logits are.
    fn in_place(&self) -> bool {
        match (&self.logits, &self.result) {
            (Some(a), Some(b)) => a.buffer == b.buffer && a.offset == b.offset,
            _ => false,
        }
    }
}

/// Rows `first .. first + rows` of a call, and where they lie in the matrices: a matrix that holds only the window
/// (host level) starts at row 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) first: u64,
    pub(crate) rows: u64,
    pub(crate) matrix_first: u64,
}

/// A range of a buffer to bind, and the element of it that is wanted first.
struct Range<'a> {
    binding: wgpu::BufferBinding<'a>,
    start: u32,
}

/// The smallest bindable range that holds `elements` from the byte `first`, rounded up to 16 bytes if the buffer is that long.
fn range<'a>(gpu: &Gpu, buffer: &'a wgpu::Buffer, first: u64, bytes: u64, element: u64) -> Range<'a> {
    let alignment = gpu.caps().alignment;
    let aligned = first / alignment * alignment;
    let end = (first + bytes).next_multiple_of(16).min(buffer.size()) / 4 * 4;
    Range {
        binding: wgpu::BufferBinding { buffer, offset: aligned, size: wgpu::BufferSize::new(end - aligned) },
        start: ((first - aligned) / element) as u32,
    }
}

fn matrix_range<'a>(gpu: &Gpu, matrix: &Matrix<'a>, first: u64, rows: u64, classes: u64) -> Range<'a> {
    let element = matrix.storage.bytes() as u64;
    let begin = matrix.offset + first * matrix.stride * element;
    range(gpu, matrix.buffer, begin, ((rows - 1) * matrix.stride + classes) * element, element)
}

/// Whether every row of a matrix can be read 16 bytes at a time, up to the end of its last quad.
fn is_aligned(matrix: &Matrix<'_>, first: u64, rows: u64, classes: u64) -> bool {
    let element = matrix.storage.bytes() as u64;
    let end = matrix.offset + ((first + rows - 1) * matrix.stride + classes.next_multiple_of(4)) * element;
    matrix.offset.is_multiple_of(16) && (matrix.stride * element).is_multiple_of(16) && end <= matrix.buffer.size()
}

/// Records the dispatches of one window.
pub(crate) fn encode(gpu: &Gpu, encoder: &mut wgpu::CommandEncoder, call: &Call<'_>, plan: &Plan, window: Window) -> Result<()> {
    let in_place = call.in_place();
    let aligned = |m: &Option<Matrix<'_>>| m.as_ref().is_none_or(|m| is_aligned(m, window.matrix_first, window.rows, call.classes));
    let variant = Variant {
        unit: plan.strategy.unit(),
        phase: Phase::Whole,
        elements: call.result.is_some(),
        in_place,
        storage: call.logits.map_or(Storage::F32, |m| m.storage),
        logits_aligned: aligned(&call.logits),
        second_aligned: aligned(&call.second),
        result_aligned: aligned(&call.result),
        argmax: call.row_out.is_some_and(|r| r.argmax.is_some()),
    };

    let chunks = u64::from(plan.chunks);
    let partials = if plan.strategy.is_split() {
        let bytes = window.rows * chunks * crate::plan::STATS_BYTES;
        Some(gpu.scratch("partials", bytes.next_multiple_of(16), wgpu::BufferUsages::STORAGE)?)
    } else {
        None
    };

    let bound = Bound::new(gpu, call, window, in_place, partials.as_ref());
    let phases: &[(Phase, u64)] = if !plan.strategy.is_split() {
        &[(Phase::Whole, window.rows)]
    } else if variant.elements {
        &[(Phase::Partials, window.rows * chunks), (Phase::Finish, window.rows * chunks)]
    } else {
        &[(Phase::Partials, window.rows * chunks), (Phase::Finish, window.rows)]
    };
    for &(phase, items) in phases {
        let pipeline = gpu.pipelines().get(gpu, call.kernel, Variant { phase, ..variant }, plan.workgroup, plan.items_per_group)?;
        bound.dispatch(gpu, encoder, &pipeline, plan, items)?;
    }
    Ok(())
}

/// The parameters and ranges of a window.
struct Bound<'a> {
    params: Params,
    ranges: [Option<wgpu::BufferBinding<'a>>; 11],
}

impl<'a> Bound<'a> {
    fn new(gpu: &Gpu, call: &Call<'a>, window: Window, in_place: bool, partials: Option<&'a wgpu::Buffer>) -> Self {
        let mut params = Params {
            classes: call.classes as u32,
            quads: call.classes.div_ceil(4) as u32,
            ones: u32::MAX,
            upstream_start: NONE,
            saved_loss_start: NONE,
            loss_start: NONE,
            lse_start: NONE,
            argmax_start: NONE,
            row_base: window.first as u32,
            ignore_index: call.ignore_index.unwrap_or(0),
            ignores: u32::from(call.ignore_index.is_some()),
            mean: u32::from(call.mean),
            scale: call.scale,
            bound: call.bound as u32,
            ..Params::zeroed()
        };
        let mut ranges: [Option<wgpu::BufferBinding<'a>>; 11] = Default::default();
        let mut put = |index: u32, range: Range<'a>| {
            ranges[index as usize] = Some(range.binding);
            range.start
        };
        if let (Some(m), false) = (&call.logits, in_place) {
            params.logits_start = put(slot::LOGITS, matrix_range(gpu, m, window.matrix_first, window.rows, call.classes));
            params.logits_stride = m.stride as u32;
        }
        if let Some(m) = &call.second {
            params.second_start = put(slot::SECOND, matrix_range(gpu, m, window.matrix_first, window.rows, call.classes));
            params.second_stride = m.stride as u32;
        }
        if let Some(m) = &call.result {
            params.result_start = put(slot::RESULT, matrix_range(gpu, m, window.matrix_first, window.rows, call.classes));
            params.result_stride = m.stride as u32;
        }
        // A vector operation's one row is as long as the window of the vector.
        let words = if call.logits.is_some() { window.rows } else { call.classes };
        let vector = |v: &Vector<'a>| range(gpu, v.buffer, v.offset + window.first * 4, words * 4, 4);
        if let Some(v) = &call.targets {
            params.targets_start = put(slot::TARGETS, vector(v));
        }
        if let Some(v) = &call.upstream {
            params.upstream_start = put(slot::UPSTREAM, vector(v));
        }
        if let Some(v) = &call.saved_lse {
            params.saved_lse_start = put(slot::SAVED_LSE, vector(v));
        }
        if let Some(v) = &call.saved_loss {
            params.saved_loss_start = put(slot::SAVED_LOSS, vector(v));
        }
        if let Some(rows) = &call.row_out {
            put(slot::ROW_OUT, range(gpu, rows.buffer, 0, rows.buffer.size(), 4));
            params.loss_start = rows.loss.unwrap_or(NONE);
            params.lse_start = rows.lse.unwrap_or(NONE);
            params.argmax_start = rows.argmax.unwrap_or(NONE);
        }
        if let Some(buffer) = call.summary {
            put(slot::SUMMARY, range(gpu, buffer, 0, buffer.size(), 4));
        }
        if let Some(buffer) = partials {
            put(slot::PARTIALS, range(gpu, buffer, 0, buffer.size(), 4));
        }
        Self { params, ranges }
    }

    fn dispatch(&self, gpu: &Gpu, encoder: &mut wgpu::CommandEncoder, pipeline: &Arc<Pipeline>, plan: &Plan, items: u64) -> Result<()> {
        let (x, y) = grid(items, plan.items_per_group, gpu.caps().max_groups);
        let params = Params { items: items as u32, grid_x: x, chunks: plan.chunks, chunk_quads: plan.chunk_quads, ..self.params };
        let uniform = gpu.filled("params", bytemuck::bytes_of(&params), wgpu::BufferUsages::UNIFORM)?;
        gpu.scoped(0, || {
            let entries: Vec<_> = pipeline
                .slots
                .iter()
                .map(|s| {
                    let binding = match s.index {
                        slot::PARAMS => uniform.as_entire_buffer_binding(),
                        index => self.ranges[index as usize].clone().unwrap_or_else(|| gpu.nothing(s)),
                    };
                    wgpu::BindGroupEntry { binding: s.index, resource: wgpu::BindingResource::Buffer(binding) }
                })
                .collect();
            let group = gpu.device().create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("xent"),
                layout: &pipeline.layout,
                entries: &entries,
            });
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: Some("xent"), timestamp_writes: None });
            pass.set_pipeline(&pipeline.compute);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(x, y, 1);
        })
    }
}
