//! The table of operations, and for one shape: the buffers, what must come out, and one timed run of each operation.

use crate::common::{Kernel, Random, buffer, encoder, filled, grid, read, run};
use wgpu_xent::{
    CrossEntropy, CrossEntropyBuffers, DeviceMatrix, DeviceVector, Gpu, Logits, Output, Reduction, Result, RowState, Storage, Targets,
    Work, reference,
};

/// What an operation is, and the bytes that it cannot do without.
pub(crate) struct Operation {
    /// Its name in results.
    pub(crate) name: &'static str,
    /// Matrices of the logits' size, read or written.
    matrices: u64,
    /// 32-bit words a row, read or written.
    words: u64,
    /// Whether elements are written.
    elements: bool,
    /// Records the call.
    record: fn(&Case, &Gpu, &mut wgpu::CommandEncoder) -> Result<()>,
    /// What must be where afterwards.
    checks: &'static [(Place, Answer)],
}

/// Where results go.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Output,
    Input,
    Rows,
}

/// What the reference computes. The loss is the mean.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Logits,
    Softmax,
    LogSoftmax,
    LogSumExp,
    Loss,
    Gradient,
}

/// All of them. The bytes are those of an implementation that reads everything once.
pub(crate) const OPERATIONS: [Operation; 7] = [
    Operation {
        name: "softmax",
        matrices: 2,
        words: 0,
        elements: true,
        record: |c, gpu, e| gpu.record_softmax(e, &c.matrix(&c.logits), Output::To(c.matrix(&c.result))),
        checks: &[(Place::Output, Answer::Softmax)],
    },
    Operation {
        name: "log_softmax",
        matrices: 2,
        words: 0,
        elements: true,
        record: |c, gpu, e| gpu.record_log_softmax(e, &c.matrix(&c.logits), Output::To(c.matrix(&c.result))),
        checks: &[(Place::Output, Answer::LogSoftmax)],
    },
    Operation {
        name: "logsumexp",
        matrices: 1,
        words: 1,
        elements: false,
        record: |c, gpu, e| gpu.record_logsumexp(e, &c.matrix(&c.logits), DeviceVector::new(&c.rows_out)),
        checks: &[(Place::Rows, Answer::LogSumExp)],
    },
    Operation {
        name: "loss",
        matrices: 1,
        words: 1,
        elements: false,
        record: |c, gpu, e| c.record_loss(gpu, e, None),
        checks: &[(Place::Rows, Answer::Loss)],
    },
    Operation {
        name: "loss+gradient",
        matrices: 2,
        words: 1,
        elements: true,
        record: |c, gpu, e| c.record_loss(gpu, e, Some(Output::To(c.matrix(&c.result)))),
        checks: &[(Place::Rows, Answer::Loss), (Place::Output, Answer::Gradient)],
    },
    Operation {
        name: "loss+gradient in place",
        matrices: 2,
        words: 1,
        elements: true,
        record: |c, gpu, e| c.record_loss(gpu, e, Some(Output::InPlace)),
        checks: &[(Place::Rows, Answer::Loss), (Place::Input, Answer::Gradient)],
    },
    Operation {
        name: "backward",
        matrices: 2,
        words: 16,
        elements: true,
        record: |c, gpu, e| {
            let buffers = CrossEntropyBuffers {
                states: Some(DeviceVector::new(&c.states)),
                gradient: Some(Output::To(c.matrix(&c.result))),
                ..CrossEntropyBuffers::new(c.matrix(&c.logits), DeviceVector::new(&c.targets))
            };
            gpu.record_cross_entropy(e, &buffers, &CrossEntropy::new()).map(drop)
        },
        checks: &[(Place::Output, Answer::Gradient)],
    },
];

impl Operation {
    /// The bytes that it must move.
    pub(crate) fn bytes(&self, rows: usize, classes: usize) -> u64 {
        (self.matrices * classes as u64 + self.words) * rows as u64 * 4
    }

    /// What it asks of the planner.
    pub(crate) fn work(&self, rows: usize, classes: usize) -> Work {
        Work::dense(rows as u64, classes as u64, Storage::F32, self.elements)
    }

    fn in_place(&self) -> bool {
        self.checks.iter().any(|(place, _)| *place == Place::Input)
    }
}

/// One shape on one adapter, everything resident.
///
/// The rows repeat with a period that is prime, so that few rows of reference check all rows of a result.
pub(crate) struct Case {
    gpu: Gpu,
    rows: usize,
    classes: usize,
    period: usize,
    values: Vec<f32>,
    target_values: Vec<u32>,
    logits: wgpu::Buffer,
    targets: wgpu::Buffer,
    states: wgpu::Buffer,
    result: wgpu::Buffer,
    rows_out: wgpu::Buffer,
    in_place: wgpu::Buffer,
    copy: Copier,
}

/// The most elements that the reference computes.
const REFERENCE_ELEMENTS: usize = 1_000_000;

/// The largest relative difference from the reference that passes, elements far below the maximum included. For logarithms
/// below 1 it is the absolute difference.
const BOUND: f64 = 1e-5;

impl Case {
    /// Makes the data and the buffers; says why not if the adapter has no room for them.
    pub(crate) fn new(gpu: &Gpu, rows: usize, classes: usize) -> std::result::Result<Self, String> {
        let bytes = (rows * classes * 4) as u64;
        if bytes.next_multiple_of(16) > gpu.caps().max_buffer {
            return Err(format!("{bytes} bytes of logits, a buffer has at most {}", gpu.caps().max_buffer));
        }
        let period = largest_prime(rows.min((REFERENCE_ELEMENTS / classes).max(1)));
        let mut random = Random::new((rows * 31 + classes) as u64);
        let mut normal = || (-2.0 * (1.0 - random.uniform()).ln()).sqrt() * (std::f64::consts::TAU * random.uniform()).cos();
        let values: Vec<f32> = (0..period * classes).map(|_| (3.0 * normal()) as f32).collect();
        let target_values: Vec<u32> = (0..rows).map(|r| ((r % period) * 7919 % classes) as u32).collect();
        let logits = buffer(gpu, bytes);
        for (first, count) in (0..rows).step_by(period).map(|first| (first, period.min(rows - first))) {
            gpu.queue().write_buffer(&logits, (first * classes * 4) as u64, bytemuck::cast_slice(&values[..count * classes]));
            gpu.queue().submit([]);
        }
        let (result, vector) = (buffer(gpu, bytes), || buffer(gpu, rows as u64 * 4));
        let case = Self {
            gpu: gpu.clone(),
            rows,
            classes,
            period,
            targets: filled(gpu, &target_values),
            values,
            target_values,
            copy: Copier::new(gpu, &logits, &result),
            logits,
            states: buffer(gpu, (rows * size_of::<RowState>()) as u64),
            result,
            rows_out: vector(),
            in_place: buffer(gpu, bytes),
        };
        case.save_forward().map_err(|e| e.to_string())?;
        Ok(case)
    }

    /// What the backward pass needs.
    fn save_forward(&self) -> Result<()> {
        let buffers = CrossEntropyBuffers {
            new_states: Some(DeviceVector::new(&self.states)),
            ..CrossEntropyBuffers::new(self.matrix(&self.logits), DeviceVector::new(&self.targets))
        };
        let mut encoder = encoder(&self.gpu);
        self.gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new())?;
        run(&self.gpu, encoder);
        Ok(())
    }

    fn matrix<'a>(&self, buffer: &'a wgpu::Buffer) -> DeviceMatrix<'a> {
        DeviceMatrix::new::<f32>(buffer, self.rows, self.classes).expect("buffers fit the shape")
    }

    fn record_loss(&self, gpu: &Gpu, encoder: &mut wgpu::CommandEncoder, gradient: Option<Output<'_>>) -> Result<()> {
        let input = if matches!(gradient, Some(Output::InPlace)) { &self.in_place } else { &self.logits };
        let buffers = CrossEntropyBuffers {
            loss: Some(DeviceVector::new(&self.rows_out)),
            gradient,
            ..CrossEntropyBuffers::new(self.matrix(input), DeviceVector::new(&self.targets))
        };
        gpu.record_cross_entropy(encoder, &buffers, &CrossEntropy::new()).map(drop)
    }

    /// The milliseconds of a copy of the logits.
    pub(crate) fn copy_once(&self) -> f64 {
        let mut encoder = encoder(&self.gpu);
        self.copy.record(&mut encoder);
        run(&self.gpu, encoder)
    }

    /// The milliseconds of one call, recorded and, in place, its input restored before. `gpu` may force a strategy.
    pub(crate) fn run_once(&self, gpu: &Gpu, operation: &Operation) -> Result<f64> {
        if operation.in_place() {
            let mut restore = encoder(gpu);
            restore.copy_buffer_to_buffer(&self.logits, 0, &self.in_place, 0, self.logits.size());
            run(gpu, restore);
        }
        let mut encoder = encoder(gpu);
        (operation.record)(self, gpu, &mut encoder)?;
        Ok(run(gpu, encoder))
    }

    /// One call, and the largest error of everything that it wrote; a result that is wrong ends the program.
    pub(crate) fn check(&self, gpu: &Gpu, operation: &Operation) -> Result<f64> {
        self.clear();
        self.run_once(gpu, operation)?;
        let errors = operation.checks.iter().map(|&(place, answer)| self.error(place, answer));
        let worst = errors.fold(0.0, |worst: f64, e| if e > worst || e.is_nan() { e } else { worst });
        assert!(worst <= BOUND, "{} of {} x {} on {}: error {worst:e}", operation.name, self.rows, self.classes, gpu.describe());
        Ok(worst)
    }

    /// That the copy copies.
    pub(crate) fn check_copy(&self) {
        self.clear();
        self.copy_once();
        assert!(self.error(Place::Output, Answer::Logits) == 0.0, "the copy on {} is wrong", self.gpu.describe());
    }

    /// Nothing left over from another operation may pass a check.
    fn clear(&self) {
        let mut encoder = encoder(&self.gpu);
        encoder.clear_buffer(&self.result, 0, None);
        encoder.clear_buffer(&self.rows_out, 0, None);
        run(&self.gpu, encoder);
    }

    /// The largest relative error of a result against the reference, NaN if there is a NaN.
    fn error(&self, place: Place, answer: Answer) -> f64 {
        let expected = self.expected(answer);
        let buffer = match place {
            Place::Output => &self.result,
            Place::Input => &self.in_place,
            Place::Rows => &self.rows_out,
        };
        let least = if matches!(answer, Answer::LogSoftmax | Answer::LogSumExp) { 1.0 } else { f64::from(f32::MIN_POSITIVE) };
        let relative = |got: f64, want: f64| if got == want { 0.0 } else { (got - want).abs() / want.abs().max(least) };
        let count = if matches!(answer, Answer::Loss) { 1 } else { self.rows * (expected.len() / self.period) };
        read(&self.gpu, buffer, count, |got| {
            let periods = got.chunks(expected.len());
            let errors = periods.flat_map(|rows| rows.iter().zip(&expected)).map(|(&got, &want)| relative(f64::from(got), want));
            errors.fold(0.0, |worst: f64, e| if e > worst || e.is_nan() { e } else { worst })
        })
    }

    /// A period of a result, from the reference.
    fn expected(&self, answer: Answer) -> Vec<f64> {
        let logits = Logits::new(&self.values, self.period, self.classes).expect("a period of rows");
        let targets = Targets::new(&self.target_values[..self.period]);
        let options = CrossEntropy::new().reduction(Reduction::None);
        let whole = |options| reference::cross_entropy(&logits, &targets, &options).expect("targets are classes");
        let rows = self.rows as f64;
        match answer {
            Answer::Logits => self.values.iter().map(|&x| f64::from(x)).collect(),
            Answer::Softmax => reference::softmax(&logits),
            Answer::LogSoftmax => reference::log_softmax(&logits),
            Answer::LogSumExp => reference::logsumexp(&logits),
            Answer::Loss => {
                let losses = whole(options).row_loss.expect("losses of the rows");
                vec![(0..self.rows).map(|r| losses[r % self.period]).sum::<f64>() / rows]
            }
            Answer::Gradient => whole(options.gradient(true)).gradient.expect("a gradient").iter().map(|g| g / rows).collect(),
        }
    }
}

fn largest_prime(most: usize) -> usize {
    let is_prime = |n: usize| (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
    (1..=most).rev().find(|&n| is_prime(n)).unwrap_or(1)
}

/// The copy: a dispatch for each range that can be bound.
struct Copier {
    kernel: Kernel,
    parts: Vec<(wgpu::BindGroup, (u32, u32))>,
}

impl Copier {
    fn new(gpu: &Gpu, from: &wgpu::Buffer, to: &wgpu::Buffer) -> Self {
        let workgroup = if gpu.is_software() { 32 } else { 256 };
        let kernel = Kernel::new(gpu, "copy", include_str!("../copy.wgsl"), &[("WORKGROUP", f64::from(workgroup))]);
        let most = gpu.caps().max_binding.min(1 << 31) / 256 * 256;
        let part = |offset: u64| {
            let bytes = most.min(from.size() - offset);
            let quads = bytes / 16;
            let grid = grid(gpu, quads.div_ceil(4), workgroup);
            let params = filled(gpu, &[quads as u32, grid.0]);
            let range = |buffer| wgpu::BufferBinding { buffer, offset, size: wgpu::BufferSize::new(bytes) };
            (kernel.bind(gpu, &[params.as_entire_buffer_binding(), range(from), range(to)]), grid)
        };
        let parts = (0..from.size()).step_by(most as usize).map(part).collect();
        Self { kernel, parts }
    }

    fn record(&self, encoder: &mut wgpu::CommandEncoder) {
        self.parts.iter().for_each(|(group, grid)| self.kernel.record(encoder, group, *grid));
    }
}
