//! Cases of the main kernels, whole: buffers, dispatches, and what the reference says of the results.

use super::*;
use crate::launch::NONE;
use crate::words::{CLASS_INPUTS, Layout, ROW_INPUTS, ROW_OUTPUTS, RowInput, RowOutput, Wanted};
use crate::{CrossEntropy, Logits, Reduction, Targets, reference};

const ROWS: usize = 5;
const CLASSES: usize = 1003;
const STRIDE: usize = 1004;
const QUADS: u32 = CLASSES.div_ceil(4) as u32;
const CHUNKS: u32 = 2;

const SMOOTHING: f32 = 0.1;

/// Below this, e^x is given as 0.
const TINY: f64 = 1.3e-38;

/// Numbers from -8 to 8; then a row with a NaN, one with many -inf, and one whose target is far ahead.
fn values(targets: &[u32]) -> Vec<f32> {
    let number = |i: u32| (i.wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 20) as f32 - 8.0;
    let mut values: Vec<f32> = (0..(ROWS * STRIDE) as u32).map(number).collect();
    values[2 * STRIDE + 700] = f32::NAN;
    (0..CLASSES).filter(|c| c % 3 == 0).for_each(|c| values[3 * STRIDE + c] = f32::NEG_INFINITY);
    values[4 * STRIDE + targets[4] as usize] = 40.0;
    values
}

/// A number of the reference; JSON knows no special ones.
fn told(value: f64) -> Value {
    if value.is_finite() { value.into() } else { value.to_string().into() }
}

/// What words of a buffer must be: within a bound of what the reference says.
fn expected(slot: u32, start: usize, values: &[f64], relative: f64, absolute: f64) -> Value {
    let values: Vec<Value> = values.iter().map(|&value| told(value)).collect();
    json!({ "slot": slot, "start": start, "values": values, "relative": relative, "absolute": absolute })
}

/// Rows of the result, which may be differences from numbers of such a size.
fn expected_matrix(values: &[f64], size: f64) -> Vec<Value> {
    let rows = values.chunks(CLASSES).enumerate();
    rows.map(|(row, values)| expected(slot::RESULT, row * STRIDE, values, 7e-6, 1e-6 * size + TINY)).collect()
}

/// A way to run a kernel: its dispatches, their workgroups' threads and items.
struct Way {
    unit: Unit,
    phases: &'static [Phase],
    workgroup: u32,
    items: u32,
    /// Whether all calls go this way.
    for_all: bool,
}

/// Every unit with whole rows and with split ones, rows whose states are given, and rows held where they can be. 64 subgroups are
/// enough for those of four lanes.
const WAYS: [Way; 11] = [
    Way { unit: Unit::Thread, phases: &[Phase::Whole], workgroup: 64, items: 64, for_all: true },
    Way { unit: Unit::Thread, phases: &[Phase::Partials, Phase::Finish], workgroup: 64, items: 64, for_all: false },
    Way { unit: Unit::Thread, phases: &[Phase::Partials, Phase::Given], workgroup: 64, items: 64, for_all: false },
    Way { unit: Unit::Subgroup, phases: &[Phase::Whole], workgroup: 128, items: 4, for_all: false },
    Way { unit: Unit::Subgroup, phases: &[Phase::Partials, Phase::Finish], workgroup: 128, items: 4, for_all: true },
    Way { unit: Unit::Subgroup, phases: &[Phase::Partials, Phase::Given], workgroup: 128, items: 4, for_all: false },
    Way { unit: Unit::Workgroup, phases: &[Phase::Whole], workgroup: 64, items: 1, for_all: false },
    Way { unit: Unit::Workgroup, phases: &[Phase::Held(1)], workgroup: 32, items: 1, for_all: false },
    Way { unit: Unit::Subgroups(64), phases: &[Phase::Whole], workgroup: 256, items: 1, for_all: false },
    Way { unit: Unit::Subgroups(64), phases: &[Phase::Partials, Phase::Finish], workgroup: 256, items: 1, for_all: false },
    Way { unit: Unit::Subgroups(8), phases: &[Phase::Held(1)], workgroup: 32, items: 1, for_all: false },
];

/// A call, however it is run.
struct Call {
    kernel: &'static Kernel,
    elements: bool,
    features: Features,
    expected: Vec<Value>,
}

/// The calls: softmax, log-sum-exp, and loss and gradient.
fn calls(data: &[f32], targets: &[u32]) -> (Vec<Call>, Layout) {
    let logits = Logits::with_stride(data, ROWS, CLASSES, STRIDE).expect("a shape");
    let mut wanted = Wanted::default();
    wanted.inputs[RowInput::Targets as usize] = true;
    wanted.outputs[RowOutput::Loss as usize] = true;
    wanted.outputs[RowOutput::Logsumexp as usize] = true;
    let layout = Layout::new(&wanted, 0, ROWS as u64);
    let start = |output: RowOutput| layout.outputs[output as usize].expect("a place") as usize;

    let options = CrossEntropy::new().reduction(Reduction::None).label_smoothing(SMOOTHING).argmax(true).logsumexp(true).gradient(true);
    let loss = reference::cross_entropy(&logits, &Targets::new(targets), &options).expect("a loss");
    let logsumexp = expected(slot::WORDS, start(RowOutput::Logsumexp), &loss.logsumexp.expect("it is asked for"), 1e-6, 1e-6);
    let row_loss = expected(slot::WORDS, start(RowOutput::Loss), &loss.row_loss.expect("it is asked for"), 1e-6, TINY);
    // What smoothing takes from a probability of about its own size.
    let gradient = expected_matrix(&loss.gradient.expect("it is asked for"), f64::from(SMOOTHING) / CLASSES as f64);
    let plain = Features::default();
    let calls = vec![
        Call { kernel: &SOFTMAX_KERNEL, elements: true, features: plain, expected: expected_matrix(&reference::softmax(&logits), 0.0) },
        Call { kernel: &LOGSUMEXP_KERNEL, elements: false, features: plain, expected: vec![logsumexp.clone()] },
        Call {
            kernel: &CROSS_ENTROPY_KERNEL,
            elements: true,
            features: Features { smooths: true, argmax: true, details: true, ..plain },
            expected: [logsumexp, row_loss].into_iter().chain(gradient).collect(),
        },
    ];
    (calls, layout)
}

/// What a dispatch is told.
fn params(phase: Phase, call: &Call, way: &Way, layout: &Layout) -> Params {
    let chunks = if way.phases.contains(&Phase::Finish) { CHUNKS } else { 1 };
    let parted = phase == Phase::Partials || call.elements;
    let items = ROWS as u32 * if parted { chunks } else { 1 };
    let is_loss = call.features.smooths;
    let mut row_outputs = [NONE; ROW_OUTPUTS];
    row_outputs[RowOutput::Logsumexp as usize] = layout.outputs[RowOutput::Logsumexp as usize].expect("a place");
    row_outputs[RowOutput::Loss as usize] = layout.outputs[RowOutput::Loss as usize].filter(|_| is_loss).unwrap_or(NONE);
    let mut row_inputs = [NONE; ROW_INPUTS];
    row_inputs[RowInput::Targets as usize] = layout.inputs[RowInput::Targets as usize].filter(|_| is_loss).unwrap_or(NONE);
    Params {
        items,
        grid_x: items.div_ceil(way.items),
        rows: ROWS as u32,
        classes: CLASSES as u32,
        quads: QUADS,
        chunks,
        chunk_quads: QUADS.div_ceil(chunks),
        inner: 1,
        matrices: [[0, STRIDE as u32]; 5],
        class_inputs: [NONE; CLASS_INPUTS],
        row_inputs,
        row_outputs,
        bound: CLASSES as u32,
        smoothing: if is_loss { SMOOTHING } else { 0.0 },
        ..Params::plain()
    }
}

/// Cross-entropy in all ways, the others in some.
pub(super) fn cases(written: &mut Written) -> Vec<Value> {
    let targets: Vec<u32> = (0..ROWS as u32).map(|row| row * 211 % CLASSES as u32).collect();
    let data = values(&targets);
    let (calls, layout) = calls(&data, &targets);
    let mut words = vec![0_u32; layout.words as usize];
    words[layout.inputs[RowInput::Targets as usize].expect("a place") as usize..][..ROWS].copy_from_slice(&targets);
    let buffers = json!({
        slot::LOGITS.to_string(): data.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
        slot::RESULT.to_string(): vec![0_u32; ROWS * STRIDE],
        slot::WORDS.to_string(): words,
        slot::PARTIALS.to_string(): vec![0_u32; ROWS * CHUNKS as usize * (STATS_BYTES as usize / 4)],
    });
    let mut cases = Vec::new();
    for call in &calls {
        for way in &WAYS {
            let variant = |phase| Variant {
                unit: way.unit,
                phase,
                elements: call.elements,
                from: LogitsFrom::Buffer,
                strided: false,
                wide: false,
                forms: Forms { logits: Form::NONE, second: Form::NONE, third: Form::NONE, result: Form::NONE, target_result: Storage::F32 },
                features: call.features,
            };
            // The units alone are the same in all kernels, and drivers take seconds to compile one.
            if call.kernel.name != CROSS_ENTROPY_KERNEL.name && !way.for_all {
                continue;
            }
            let name = format!("{} {:?} {:?}", call.kernel.name, way.unit, way.phases);
            let dispatches = way.phases.iter().map(|&phase| {
                let source = Source::new(call.kernel, &variant(phase));
                let constants = source.constants(call.kernel, &variant(phase), way.workgroup, way.items);
                let params = params(phase, call, way, &layout);
                let module = written.module(&name, &source, way.unit, &constants);
                json!({ "module": module, "params": bytemuck::cast_slice::<_, u32>(&[params]), "groups": params.grid_x })
            });
            let dispatches: Vec<Value> = dispatches.collect();
            cases.push(json!({ "name": name, "buffers": buffers, "dispatches": dispatches, "expected": call.expected }));
        }
    }
    cases
}
