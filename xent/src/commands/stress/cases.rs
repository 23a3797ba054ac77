//! The calls that are made under load, each with what it must give.

use std::sync::OnceLock;

use half::{bf16, f16};
use wgpu_xent::{
    BinaryCrossEntropy, CrossEntropy, CrossEntropyBuffers, CrossEntropyResult, DeviceMatrix, DeviceVector, ElementLoss, Gpu,
    LogitTransform, Logits, Output, Reduction, Result, Sampling, Targets, reference, wgpu,
};

/// Rows and classes: a thread a row and rows that are split, ends within a word, one window and several, padded texels.
const SHAPES: [(usize, usize); 6] = [(3, 7), (4096, 10), (700, 33), (64, 1001), (9000, 513), (1, 70_000)];

/// A call, blocking or awaited; its numbers one after the other.
type Call = Box<dyn Fn(&Gpu, bool) -> Result<Vec<f32>> + Send + Sync>;

/// A call on data of its own.
pub(super) struct Case {
    pub(super) name: String,
    call: Call,
    /// What the reference gives, and the errors allowed: relative and absolute. None where only the first result counts.
    expected: Option<(Vec<f64>, f64, f64)>,
    /// The first result, bit by bit.
    first: OnceLock<Vec<u32>>,
}

impl Case {
    pub(super) fn new(name: String, call: Call, expected: Option<(Vec<f64>, f64, f64)>) -> Self {
        Self { name, call, expected, first: OnceLock::new() }
    }

    /// Makes the call and checks what it gives: the first time with the reference, later with the first time. What is wrong, in words.
    pub(super) fn check(&self, gpu: &Gpu, awaited: bool) -> std::result::Result<(), String> {
        let got = (self.call)(gpu, awaited).map_err(|error| error.to_string())?;
        let bits: Vec<u32> = got.iter().map(|value| value.to_bits()).collect();
        if let Some(first) = self.first.get() {
            let place = first.iter().zip(&bits).position(|(a, b)| a != b).or((first.len() != bits.len()).then_some(first.len()));
            return place.map_or(Ok(()), |at| Err(format!("not what it gave before, from number {at} on")));
        }
        if let Some((expected, relative, absolute)) = &self.expected {
            if expected.len() != got.len() {
                return Err(format!("{} numbers, not {}", got.len(), expected.len()));
            }
            // NaN is within no bound.
            let is_near = |(&g, &e): (&f32, &f64)| (f64::from(g) - e).abs() <= relative * e.abs() + absolute;
            if let Some(at) = got.iter().zip(expected).position(|pair| !is_near(pair)) {
                return Err(format!("number {at} is {:e}, expected {:e}", got[at], expected[at]));
            }
        }
        // Two threads may be the first at once: the one whose result is not kept is compared as any later one.
        let kept = self.first.get_or_init(|| bits.clone());
        if *kept == bits { Ok(()) } else { Err("not what another thread got at the same time".to_owned()) }
    }
}

/// Numbers from -4 to 4, and a class for each row.
struct Data {
    x: Vec<f32>,
    q: Vec<f32>,
    classes_of: Vec<u32>,
    rows: usize,
    classes: usize,
}

impl Data {
    fn new((rows, classes): (usize, usize)) -> Self {
        let hash = |i: usize| (i as u32).wrapping_add(classes as u32).wrapping_mul(2_654_435_761) >> 16;
        let x: Vec<f32> = (0..rows * classes).map(|i| hash(i) as f32 / 8192.0 - 4.0).collect();
        let positive = (0..rows * classes).map(|i| (hash(i + 7) + 1) as f32 / 65_536.0);
        // Probabilities of each row.
        let mut q: Vec<f32> = positive.collect();
        for row in q.chunks_mut(classes) {
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|value| *value /= sum);
        }
        let classes_of = (0..rows as u32).map(|row| row.wrapping_mul(7919) % classes as u32).collect();
        Self { x, q, classes_of, rows, classes }
    }

    fn logits<'a>(&self, values: &'a [f32]) -> Logits<'a> {
        match Logits::new(values, self.rows, self.classes) {
            Ok(logits) => logits,
            Err(error) => unreachable!("{error}"),
        }
    }
}

/// Runs a call, blocking or awaited.
macro_rules! either {
    ($awaited:expr, $gpu:expr, $blocking:ident, $async:ident, $($argument:expr),*) => {
        if $awaited { pollster::block_on($gpu.$async($($argument),*)) } else { $gpu.$blocking($($argument),*) }
    };
}

fn losses<F: Copy>(result: CrossEntropyResult<F>) -> Vec<F> {
    [result.loss.into_iter().collect(), result.row_loss.unwrap_or_default(), result.gradient.unwrap_or_default()].concat()
}

/// All cases: the reference takes a second or two for them.
pub(super) fn all() -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for shape in SHAPES {
        // For the rest of the process: threads that are stuck may hold it for as long.
        let data: &'static Data = Box::leak(Box::new(Data::new(shape)));
        add(&mut cases, data)?;
    }
    Ok(cases)
}

/// The operations on one shape.
fn add(cases: &mut Vec<Case>, data: &'static Data) -> Result<()> {
    let (x, q) = (data.logits(&data.x), data.logits(&data.q));
    let targets = Targets::new(&data.classes_of);
    let mut case = |name: &str, call: Call, expected: Option<(Vec<f64>, f64, f64)>| {
        cases.push(Case::new(format!("{name} {} x {}", data.rows, data.classes), call, expected));
    };
    let none = LogitTransform::new();
    let exact = 3e-6;
    case("softmax", Box::new(move |gpu, w| either!(w, gpu, softmax, softmax_async, &x)), Some((reference::softmax(&x), exact, 1e-37)));
    let halved = reference::softmax(&x);
    case(
        "softmax in f16",
        Box::new(move |gpu, w| {
            let result: Vec<f16> = either!(w, gpu, softmax_as, softmax_as_async, &x, &LogitTransform::new())?;
            Ok(result.into_iter().map(f16::to_f32).collect())
        }),
        Some((halved, 5e-4, 6e-8)),
    );
    case(
        "log-softmax in bf16",
        Box::new(move |gpu, w| {
            let result: Vec<bf16> = either!(w, gpu, log_softmax_as, log_softmax_as_async, &x, &LogitTransform::new())?;
            Ok(result.into_iter().map(bf16::to_f32).collect())
        }),
        Some((reference::log_softmax(&x), 4e-3, 1e-6)),
    );
    case(
        "log-sum-exp",
        Box::new(move |gpu, w| either!(w, gpu, logsumexp, logsumexp_async, &x)),
        Some((reference::logsumexp(&x), exact, 1e-6)),
    );
    let options = CrossEntropy::new().reduction(Reduction::Sum).row_loss(true).gradient(true);
    let smoothed = options.label_smoothing(0.1).entropy(true);
    // Where terms of a gradient cancel, the error is that of the terms.
    for (name, options, absolute) in [("loss", options, 1e-7), ("smoothed loss", smoothed, 2e-6)] {
        let expected = losses(reference::cross_entropy(&x, &targets, &options)?);
        let call = move |gpu: &Gpu, w| Ok(losses(either!(w, gpu, cross_entropy, cross_entropy_async, &x, &targets, &options)?));
        case(name, Box::new(call), Some((expected, exact, absolute)));
    }
    let expected = losses(reference::soft_cross_entropy(&x, &q, &options)?);
    let call = move |gpu: &Gpu, w| Ok(losses(either!(w, gpu, soft_cross_entropy, soft_cross_entropy_async, &x, &q, &options)?));
    case("loss of probabilities", Box::new(call), Some((expected, exact, 2e-6)));
    let expected = reference::softmax_backward(&q, &x)?;
    let call = move |gpu: &Gpu, w| either!(w, gpu, softmax_backward, softmax_backward_async, &q, &x);
    case("gradient of softmax", Box::new(call), Some((expected, 1e-5, 2e-6)));
    let binary = BinaryCrossEntropy::new();
    let expected = reference::binary_cross_entropy_with_logits(&x, &q, &binary)?.loss;
    let call = move |gpu: &Gpu, w| {
        let result = either!(w, gpu, binary_cross_entropy_with_logits, binary_cross_entropy_with_logits_async, &x, &q, &binary)?;
        Ok(result.loss.into_iter().collect())
    };
    case("binary cross-entropy", Box::new(call), Some((expected.into_iter().collect(), exact, 1e-7)));
    let entropy = ElementLoss::new().row_loss(true);
    let expected = reference::entropy(&q, &entropy)?.row_loss.unwrap_or_default();
    let call = move |gpu: &Gpu, w| Ok(either!(w, gpu, entropy, entropy_async, &q, &entropy)?.row_loss.unwrap_or_default());
    case("entropy", Box::new(call), Some((expected, exact, 1e-6)));
    let expected = reference::top_k_log_probs(&x, 3, &none)?.log_probs;
    let call = move |gpu: &Gpu, w| Ok(either!(w, gpu, top_k_log_probs, top_k_log_probs_async, &x, 3, &LogitTransform::new())?.log_probs);
    case("top 3", Box::new(call), Some((expected, exact, 1e-6)));
    // A draw between two classes may fall either way in f64: only the first draw counts.
    let call = move |gpu: &Gpu, w| {
        let drawn: Vec<u32> = either!(w, gpu, sample, sample_async, &x, &Sampling::new(7))?;
        Ok(drawn.into_iter().map(|class| class as f32).collect())
    };
    case("sample", Box::new(call), None);
    let expected = reference::cross_entropy(&x, &targets, &CrossEntropy::new())?.loss;
    case("recorded loss", Box::new(move |gpu, w| recorded(gpu, data, w)), Some((expected.into_iter().collect(), exact, 1e-7)));
    Ok(())
}

/// The loss at device level, its gradient written over the logits, from buffers of this call.
fn recorded(gpu: &Gpu, data: &Data, awaited: bool) -> Result<Vec<f32>> {
    let filled = |bytes: &[u8]| {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let size = (bytes.len() as u64).next_multiple_of(16);
        let buffer = gpu.device().create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false });
        gpu.queue().write_buffer(&buffer, 0, bytes);
        buffer
    };
    let (logits, targets) = (filled(bytemuck::cast_slice(&data.x)), filled(bytemuck::cast_slice(&data.classes_of)));
    let matrix = DeviceMatrix::new::<f32>(&logits, data.rows, data.classes)?;
    let buffers = CrossEntropyBuffers { gradient: Some(Output::InPlace), ..CrossEntropyBuffers::new(matrix, DeviceVector::new(&targets)) };
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let pending = gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new())?;
    gpu.queue().submit([encoder.finish()]);
    let summary = if awaited { pollster::block_on(pending.read_async(gpu))? } else { pending.read(gpu)? };
    Ok(summary.loss.into_iter().collect())
}
