//! From a plan and buffers to recorded dispatches: parameters, bindings, windows. The same for host and device level.

use std::sync::Arc;

use bytemuck::Zeroable;

use crate::Result;
use crate::gpu::Gpu;
use crate::pipeline::Pipeline;
use crate::plan::{Plan, STATS_BYTES, Unit, grid};
use crate::shader::{AtOnce, Features, Form, Forms, Kernel, LogitsFrom, Phase, Variant, slot};
use crate::texels::Texels;
use crate::views::Storage;
use crate::words::{CLASS_INPUTS, Layout, ROW_INPUTS, ROW_OUTPUTS, RowInput};

/// "Not wanted" and "not there" in parameters. `NONE` of `params.wgsl`.
pub(crate) const NONE: u32 = u32::MAX;

/// `Params` of `params.wgsl`, word for word; a test compares the two. The arrays are runs of named words there, in the order of
/// the enums of `words.rs`.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Params {
    pub(crate) items: u32,
    pub(crate) grid_x: u32,
    pub(crate) rows: u32,
    pub(crate) classes: u32,
    pub(crate) quads: u32,
    pub(crate) chunks: u32,
    pub(crate) chunk_quads: u32,
    pub(crate) inner: u32,
    pub(crate) ones: u32,
    /// Starts and strides of the matrices, in the order of [`Matrices`].
    pub(crate) matrices: [[u32; 2]; 5],
    pub(crate) mask: [u32; 2],
    pub(crate) class_inputs: [u32; CLASS_INPUTS],
    pub(crate) row_inputs: [u32; ROW_INPUTS],
    pub(crate) row_outputs: [u32; ROW_OUTPUTS],
    pub(crate) row_base: u32,
    pub(crate) first_class: u32,
    pub(crate) bound: u32,
    pub(crate) ignore_index: u32,
    pub(crate) ignores: u32,
    pub(crate) mean: u32,
    pub(crate) denominator: u32,
    pub(crate) given: f32,
    pub(crate) empty_zero: u32,
    pub(crate) zero_faults: u32,
    pub(crate) top_k: u32,
    pub(crate) factor: f32,
    pub(crate) scale: f32,
    pub(crate) softcap: f32,
    pub(crate) smoothing: f32,
    pub(crate) z_loss: f32,
    pub(crate) seed: [u32; 2],
    pub(crate) draw: u32,
    pub(crate) first_row: [u32; 2],
    pub(crate) top_p: u32,
    pub(crate) step: u32,
    pub(crate) listed: u32,
}

impl Params {
    /// What a kernel is told if its call has no options.
    pub(crate) fn plain() -> Self {
        Self { ones: u32::MAX, factor: 1.0, scale: 1.0, ..Self::zeroed() }
    }
}

/// A matrix in a buffer: the first element's byte and the elements from one block of rows to the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a> {
    pub(crate) buffer: &'a wgpu::Buffer,
    pub(crate) offset: u64,
    pub(crate) stride: u64,
    pub(crate) storage: Storage,
}

/// The matrices of a call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Matrices<'a> {
    pub(crate) logits: Option<Matrix<'a>>,
    pub(crate) second: Option<Matrix<'a>>,
    pub(crate) third: Option<Matrix<'a>>,
    pub(crate) result: Option<Matrix<'a>>,
    pub(crate) target_result: Option<Matrix<'a>>,
}

/// Class masks in a buffer: the first word's byte and the words from one row to the next, 0 for one that all rows share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mask<'a> {
    pub(crate) buffer: &'a wgpu::Buffer,
    pub(crate) offset: u64,
    pub(crate) stride: u64,
}

/// A kernel that runs before the call's own, and what it is told.
pub(crate) type Pass = (&'static Kernel, Params);

/// Everything a kernel is given, for all rows of the call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) kernel: &'static Kernel,
    /// The options; geometry and bindings are filled in here.
    pub(crate) params: Params,
    pub(crate) features: Features,
    pub(crate) classes: u64,
    /// Rows of a block.
    pub(crate) inner: u64,
    pub(crate) matrices: Matrices<'a>,
    /// What is one word a class or a row, of one window.
    pub(crate) words: Option<(&'a wgpu::Buffer, Layout)>,
    pub(crate) mask: Option<Mask<'a>>,
    /// States of the window's rows that an earlier pass left: the first dispatch is spared.
    pub(crate) states_in: Option<&'a wgpu::Buffer>,
    /// Where the states of the window's rows go.
    pub(crate) states_out: Option<&'a wgpu::Buffer>,
    pub(crate) summary: Option<&'a wgpu::Buffer>,
    /// Where lists of classes and their log-probabilities go, of the window's rows.
    pub(crate) lists: Option<&'a [wgpu::Buffer; 2]>,
}

impl Call<'_> {
    pub(crate) fn new(kernel: &'static Kernel, classes: u64) -> Self {
        Self {
            kernel,
            params: Params::plain(),
            features: Features::default(),
            classes,
            inner: 1,
            matrices: Matrices::default(),
            words: None,
            mask: None,
            states_in: None,
            states_out: None,
            summary: None,
            lists: None,
        }
    }

    /// Whether the result goes where the logits are.
    fn in_place(&self) -> bool {
        match (&self.matrices.logits, &self.matrices.result) {
            (Some(a), Some(b)) => a.buffer == b.buffer && a.offset == b.offset,
            _ => false,
        }
    }
}

/// Rows `first .. first + rows` of a call, whole blocks, and where they lie in the matrices and masks: those that hold only
/// the window (host level) start at row 0.
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

fn matrix_range<'a>(gpu: &Gpu, matrix: &Matrix<'a>, call: &Call<'_>, window: Window) -> Range<'a> {
    let element = matrix.storage.bytes() as u64;
    let begin = matrix.offset + window.matrix_first / call.inner * matrix.stride * element;
    let blocks = window.rows / call.inner;
    range(gpu, matrix.buffer, begin, ((blocks - 1) * matrix.stride + call.classes * call.inner) * element, element)
}

/// How many elements of every row of a matrix can be accessed at once: four up to the end of its last quad, or two if the last quad
/// holds two or four.
fn at_once(matrix: &Matrix<'_>, call: &Call<'_>, window: Window) -> AtOnce {
    let element = matrix.storage.bytes() as u64;
    let start = matrix.offset / element;
    let last = window.matrix_first + window.rows - 1;
    let end = matrix.offset + (last * matrix.stride + call.classes.next_multiple_of(4)) * element;
    if call.inner > 1 {
        AtOnce::One
    } else if start.is_multiple_of(4) && matrix.stride.is_multiple_of(4) && end <= matrix.buffer.size() {
        AtOnce::Four
    } else if start.is_multiple_of(2) && matrix.stride.is_multiple_of(2) && call.classes.is_multiple_of(2) {
        AtOnce::Two
    } else {
        AtOnce::One
    }
}

/// The same of a matrix without gaps between rows, whichever row they are of.
fn at_once_throughout(matrix: &Matrix<'_>, window: Window) -> AtOnce {
    let run = window.rows * matrix.stride;
    let element = matrix.storage.bytes() as u64;
    let start = matrix.offset / element + window.matrix_first * matrix.stride;
    if start.is_multiple_of(4) && (start + run.next_multiple_of(4)) * element <= matrix.buffer.size() {
        AtOnce::Four
    } else if start.is_multiple_of(2) && run.is_multiple_of(2) {
        AtOnce::Two
    } else {
        AtOnce::One
    }
}

/// Records the dispatches of one window of kernels that leave values of rows in the words for those behind them, and of the last one.
pub(crate) fn encode_passes(
    gpu: &Gpu,
    encoder: &mut wgpu::CommandEncoder,
    before: &[Pass],
    call: &Call<'_>,
    plan: &Plan,
    window: Window,
) -> Result<()> {
    let logits = call.matrices.logits.as_ref().filter(|_| plan.texture);
    let texels = logits.map(|logits| Texels::copy(gpu, encoder, call, logits, window)).transpose()?;
    for &(kernel, params) in before {
        encode(gpu, encoder, &Call { kernel, params, ..*call }, plan, window, texels.as_ref())?;
    }
    encode(gpu, encoder, call, plan, window, texels.as_ref())
}

/// Records the dispatches of one window, whose logits may have been copied to a texture.
pub(crate) fn encode(
    gpu: &Gpu,
    encoder: &mut wgpu::CommandEncoder,
    call: &Call<'_>,
    plan: &Plan,
    window: Window,
    texels: Option<&Texels>,
) -> Result<()> {
    let from = match texels {
        Some(_) => LogitsFrom::Texture,
        None if call.in_place() => LogitsFrom::Result,
        None => LogitsFrom::Buffer,
    };
    let form = |m: Option<Matrix<'_>>| m.map_or(Form::NONE, |m| Form { storage: m.storage, at_once: at_once(&m, call, window) });
    let tiled_form = |m: Option<Matrix<'_>>| match m {
        Some(m) if plan.tile > 0 => Form { storage: m.storage, at_once: at_once_throughout(&m, window) },
        m => form(m),
    };
    let Matrices { logits, second, third, result, target_result } = call.matrices;
    let forms = Forms {
        logits: match (from, texels) {
            (LogitsFrom::Result, _) => Form::NONE,
            (_, Some(texels)) => {
                let aligned = texels.aligned || plan.tile > 0 && texels.start % 4 == 0;
                Form { storage: texels.storage, at_once: if aligned { AtOnce::Four } else { AtOnce::One } }
            }
            (_, None) => tiled_form(logits),
        },
        second: form(second),
        third: form(third),
        result: tiled_form(result),
        target_result: target_result.map_or(Storage::F32, |m| m.storage),
    };
    let narrow = Variant {
        unit: unit(gpu, call.kernel, plan),
        phase: Phase::Whole,
        elements: result.is_some(),
        from,
        strided: call.inner > 1,
        wide: false,
        forms,
        features: Features { row_factors: has_row_factors(call), ..call.features },
    };
    let variant = Variant { wide: gpu.caps().wide_words && narrow.has_quads(call.kernel), ..narrow };

    let chunks = u64::from(plan.chunks);
    let partials = if plan.strategy.is_split() && call.states_in.is_none() {
        let bytes = window.rows * chunks * STATS_BYTES;
        Some(gpu.scratch("partials", bytes.next_multiple_of(16), wgpu::BufferUsages::STORAGE)?)
    } else {
        None
    };

    let bound = Bound::new(gpu, call, window, from, texels, call.states_in.or(partials.as_ref()));
    let written = if variant.elements { window.rows * chunks } else { window.rows };
    let by_threads = matches!(variant.unit, Unit::Thread | Unit::Tile(_));
    let given = if by_threads && chunks == 1 { Phase::of_threads_given(call.kernel, call.classes) } else { Phase::Given };
    let phases: &[(Phase, u64)] = match (call.states_in, &partials) {
        (Some(_), _) => &[(given, written)],
        (None, Some(_)) => &[(Phase::Partials, window.rows * chunks), (Phase::Finish, written)],
        (None, None) if plan.held > 0 => &[(Phase::Held(plan.held), window.rows)],
        (None, None) if by_threads => &[(Phase::of_threads(call.kernel, &variant.features, call.classes), window.rows)],
        (None, None) => &[(Phase::Whole, window.rows)],
    };
    for &(phase, items) in phases {
        let pipeline = gpu.pipelines().get(gpu, call.kernel, Variant { phase, ..variant }, plan.workgroup, plan.items_per_group)?;
        bound.dispatch(gpu, encoder, &pipeline, plan, items)?;
    }
    Ok(())
}

/// Whether a kernel that multiplies rows by weights or upstream gradients is given such.
fn has_row_factors(call: &Call<'_>) -> bool {
    let given = |input| call.words.is_some_and(|(_, layout)| layout.inputs[input as usize].is_some());
    call.kernel.overrides("ROW_FACTORS") && (given(RowInput::Weights) || given(RowInput::Upstream))
}

/// The unit of a plan: where there are subgroups, those of a workgroup reduce by themselves first.
fn unit(gpu: &Gpu, kernel: &Kernel, plan: &Plan) -> Unit {
    match (plan.strategy.unit(), gpu.caps().subgroup) {
        (Unit::Thread, _) if plan.tile > 0 => Unit::Tile(plan.tile),
        (Unit::Workgroup, Some((smallest, _))) if kernel.has_subgroups() => Unit::Subgroups(plan.workgroup.div_ceil(smallest)),
        (unit, _) => unit,
    }
}

/// The parameters and ranges of a window.
struct Bound<'a> {
    params: Params,
    ranges: [Option<wgpu::BufferBinding<'a>>; slot::COUNT],
    texels: Option<&'a Texels>,
}

impl<'a> Bound<'a> {
    fn new(
        gpu: &Gpu,
        call: &Call<'a>,
        window: Window,
        from: LogitsFrom,
        texels: Option<&'a Texels>,
        partials: Option<&'a wgpu::Buffer>,
    ) -> Self {
        let mut params = Params {
            rows: window.rows as u32,
            classes: call.classes as u32,
            quads: call.classes.div_ceil(4) as u32,
            inner: call.inner as u32,
            row_base: window.first as u32,
            class_inputs: [NONE; CLASS_INPUTS],
            row_inputs: [NONE; ROW_INPUTS],
            row_outputs: [NONE; ROW_OUTPUTS],
            ..call.params
        };
        let mut ranges: [Option<wgpu::BufferBinding<'a>>; slot::COUNT] = Default::default();
        let mut put = |index: u32, range: Range<'a>| {
            ranges[index as usize] = Some(range.binding);
            range.start
        };
        let Matrices { logits, second, third, result, target_result } = call.matrices;
        if let (Some(texels), Some(m)) = (texels, &logits) {
            params.matrices[0] = [texels.start, m.stride as u32];
        }
        let logits = logits.filter(|_| from == LogitsFrom::Buffer);
        let slots = [slot::LOGITS, slot::SECOND, slot::THIRD, slot::RESULT, slot::TARGET_RESULT];
        for ((matrix, index), place) in [logits, second, third, result, target_result].iter().zip(slots).zip(&mut params.matrices) {
            if let Some(m) = matrix {
                *place = [put(index, matrix_range(gpu, m, call, window)), m.stride as u32];
            }
        }
        if let Some(m) = &call.mask {
            let words = (window.rows - 1) * m.stride + call.classes.div_ceil(32);
            let first = m.offset + window.matrix_first * m.stride * 4;
            params.mask = [put(slot::MASK, range(gpu, m.buffer, first, words * 4, 4)), m.stride as u32];
        }
        let whole = |buffer: &'a wgpu::Buffer| range(gpu, buffer, 0, buffer.size(), 4);
        if let Some((buffer, layout)) = call.words {
            put(slot::WORDS, whole(buffer));
            params.class_inputs = layout.classes.map(|start| start.unwrap_or(NONE));
            params.row_inputs = layout.inputs.map(|start| start.unwrap_or(NONE));
            params.row_outputs = layout.outputs.map(|start| start.unwrap_or(NONE));
        }
        if let Some(buffer) = call.states_out {
            put(slot::STATES, whole(buffer));
        }
        if let Some(buffer) = call.summary {
            put(slot::SUMMARY, whole(buffer));
        }
        if let Some([classes, log_probs]) = call.lists {
            put(slot::RESULT, whole(classes));
            put(slot::TARGET_RESULT, whole(log_probs));
        }
        if let Some(buffer) = partials {
            put(slot::PARTIALS, whole(buffer));
        }
        Self { params, ranges, texels }
    }

    fn dispatch(&self, gpu: &Gpu, encoder: &mut wgpu::CommandEncoder, pipeline: &Arc<Pipeline>, plan: &Plan, items: u64) -> Result<()> {
        let (x, y) = grid(items, plan.items_per_group, gpu.caps().max_groups);
        let params = Params { items: items as u32, grid_x: x, chunks: plan.chunks, chunk_quads: plan.chunk_quads, ..self.params };
        let uniform = gpu.filled("params", bytemuck::bytes_of(&params), wgpu::BufferUsages::UNIFORM)?;
        let entries = pipeline.slots.iter().map(|s| {
            let resource = match (s.index, self.texels) {
                (slot::PARAMS, _) => uniform.as_entire_binding(),
                (slot::TEXELS, Some(texels)) => wgpu::BindingResource::TextureView(&texels.view),
                (index, _) => wgpu::BindingResource::Buffer(self.ranges[index as usize].clone().map_or_else(|| gpu.nothing(s), Ok)?),
            };
            Ok(wgpu::BindGroupEntry { binding: s.index, resource })
        });
        let entries = entries.collect::<Result<Vec<_>>>()?;
        gpu.scoped(0, || {
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
