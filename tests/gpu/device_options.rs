//! Every option and output of cross-entropy at device level: the values that the host level returns, to the last bit.
//!
//! Pipelines: one for class indices and one for probabilities, with everything that they have.

use crate::common::data::{Data, Random, make};
use crate::common::{Bound, assert_close, on_every_adapter};
use crate::device::{buffer, encoder, floats, words};
use std::ops::Range;
use wgpu_xent::{
    ClassMask, CrossEntropy, CrossEntropyBuffers, CrossEntropyResult, Denominator, DeviceMask, DeviceMatrix, DeviceVector, Gpu,
    LogitTransform, Logits, Output, Reduction, RowState, Targets, TransformBuffers,
};

const ROWS: usize = 9;
const CLASSES: usize = 45;

/// What the two levels are given.
struct Inputs {
    soft: bool,
    logits: Vec<f32>,
    targets: Vec<i64>,
    probabilities: Vec<f32>,
    class_weights: Vec<f32>,
    row_weights: Vec<f32>,
    scales: Vec<f32>,
    upstream: Vec<f32>,
    mask: Vec<u32>,
}

impl Inputs {
    fn new(soft: bool) -> Self {
        let (logits, mut targets) = make(Data::Outliers, ROWS, CLASSES, 91);
        targets[4] = -100;
        let mut random = Random::new(92);
        let mut positive = |n: usize| (0..n).map(|_| 0.25 + random.uniform() as f32).collect::<Vec<f32>>();
        let allowed: Vec<bool> = (0..ROWS * CLASSES).map(|i| i % 5 != 1 || targets[i / CLASSES] == (i % CLASSES) as i64).collect();
        Self {
            soft,
            probabilities: positive(ROWS * CLASSES),
            class_weights: positive(CLASSES),
            row_weights: positive(ROWS),
            scales: positive(ROWS),
            upstream: positive(ROWS),
            mask: ClassMask::pack(&allowed, CLASSES),
            logits,
            targets,
        }
    }

    /// The call with slices, all outputs wanted.
    fn at_host_level(&self, gpu: &Gpu, numbers: CrossEntropy<'_>) -> CrossEntropyResult {
        let mask = ClassMask::per_row(&self.mask, ROWS, CLASSES).unwrap();
        let transform = LogitTransform::new().softcap(20.0).scale(&self.scales[..]).mask(mask);
        let options = numbers.class_weights(&self.class_weights[..]).row_weights(&self.row_weights[..]).transform(transform);
        let options = options.row_loss(true).logsumexp(true).argmax(true).entropy(true).z_loss_part(true).states(true).gradient(true);
        let logits = Logits::new(&self.logits, ROWS, CLASSES).unwrap();
        if self.soft {
            let labels = Logits::new(&self.probabilities, ROWS, CLASSES).unwrap();
            gpu.soft_cross_entropy(&logits, &labels, &options.target_gradient(true)).unwrap()
        } else {
            gpu.cross_entropy(&logits, &Targets::new(&self.targets), &options.log_prob(true).rank(true)).unwrap()
        }
    }

    /// The call on some rows with buffers, each behind a word that is not its, all results wanted.
    fn at_device_level(&self, gpu: &Gpu, rows: Range<usize>, numbers: &CrossEntropy<'_>, denominator: Option<f32>) -> CrossEntropyResult {
        let count = rows.len();
        let elements = rows.start * CLASSES..rows.end * CLASSES;
        let targets: Vec<f32> = self.targets[rows.clone()].iter().map(|&t| f32::from_bits((t as i32).cast_unsigned())).collect();
        let mask_words = CLASSES.div_ceil(32);
        let mask: Vec<f32> = self.mask[rows.start * mask_words..rows.end * mask_words].iter().map(|&m| f32::from_bits(m)).collect();
        let input = |values: &[f32]| floats(gpu, &[&[7.5], values].concat());
        let [logits, probabilities] = [&self.logits, &self.probabilities].map(|all| input(&all[elements.clone()]));
        let [row_weights, scales, upstream] = [&self.row_weights, &self.scales, &self.upstream].map(|all| input(&all[rows.clone()]));
        let [targets, mask, class_weights] = [&targets, &mask, &self.class_weights].map(|all| input(all));
        let given = input(&[denominator.unwrap_or(7.5)]);
        let output = |words: usize| buffer(gpu, &vec![LEAD; 1 + words]);
        let per_row: [wgpu::Buffer; 7] = std::array::from_fn(|_| output(count));
        let [gradient, target_gradient] = std::array::from_fn(|_| output(count * CLASSES));
        let (states, loss) = (output(count * size_of::<RowState>() / 4), output(1));

        let vector = |buffer| Some(DeviceVector::with_offset(buffer, 4));
        let matrix = |buffer| DeviceMatrix::with_layout::<f32>(buffer, 4, count, CLASSES, CLASSES).unwrap();
        let is_mean = denominator.is_some();
        let plain = if self.soft {
            CrossEntropyBuffers::soft(matrix(&logits), matrix(&probabilities))
        } else {
            CrossEntropyBuffers::new(matrix(&logits), DeviceVector::with_offset(&targets, 4))
        };
        let hard = |buffer| vector(buffer).filter(|_| !self.soft);
        let buffers = CrossEntropyBuffers {
            transform: TransformBuffers { scales: vector(&scales), mask: Some(DeviceMask::per_row(&mask, 4)) },
            class_weights: vector(&class_weights),
            row_weights: vector(&row_weights),
            upstream: vector(&upstream).filter(|_| !is_mean),
            denominator: vector(&given).filter(|_| is_mean),
            loss: vector(&loss).filter(|_| is_mean),
            row_loss: vector(&per_row[0]),
            logsumexp: vector(&per_row[1]),
            log_prob: hard(&per_row[2]),
            argmax: vector(&per_row[3]),
            rank: hard(&per_row[4]),
            entropy: vector(&per_row[5]),
            row_z_loss: vector(&per_row[6]),
            gradient: Some(Output::To(matrix(&gradient))),
            target_gradient: self.soft.then(|| matrix(&target_gradient)),
            new_states: vector(&states),
            ..plain
        };
        let mut encoder = encoder(gpu);
        let pending = gpu.record_cross_entropy(&mut encoder, &buffers, numbers).unwrap();
        gpu.queue().submit([encoder.finish()]);
        let summary = pending.read(gpu).unwrap();

        let taken = |from: &wgpu::Buffer| {
            let all = words(gpu, from);
            assert_eq!(all[0], LEAD, "the word in front is untouched");
            all[1..].to_vec()
        };
        let taken_floats = |from: &wgpu::Buffer| bytemuck::cast_vec::<u32, f32>(taken(from));
        let mut got = CrossEntropyResult::default();
        got.loss = is_mean.then(|| taken_floats(&loss)[0]);
        assert_eq!(got.loss, summary.loss);
        got.row_loss = Some(taken_floats(&per_row[0]));
        got.logsumexp = Some(taken_floats(&per_row[1]));
        got.log_prob = (!self.soft).then(|| taken_floats(&per_row[2]));
        got.argmax = Some(taken(&per_row[3]));
        got.rank = (!self.soft).then(|| taken(&per_row[4]));
        got.entropy = Some(taken_floats(&per_row[5]));
        got.row_z_loss = Some(taken_floats(&per_row[6]));
        got.gradient = Some(taken_floats(&gradient));
        got.target_gradient = self.soft.then(|| taken_floats(&target_gradient));
        got.states = Some(bytemuck::cast_slice(&taken(&states)).to_vec());
        got.valid_rows = summary.valid_rows;
        got.denominator = summary.denominator;
        got.correct = summary.correct;
        got.faults = summary.faults;
        got
    }
}

/// The word in front of every buffer that is written.
const LEAD: u32 = 0x40f0_0000;

/// The options that are numbers.
fn numbers() -> CrossEntropy<'static> {
    CrossEntropy::new().label_smoothing(0.125).z_loss(0.01).softcap(20.0)
}

#[test]
fn every_option_and_output() {
    on_every_adapter(|gpu| {
        for inputs in [Inputs::new(false), Inputs::new(true)] {
            let unreduced = numbers().reduction(Reduction::None);
            let host = inputs.at_host_level(gpu, unreduced.upstream(&inputs.upstream[..]));
            let device = inputs.at_device_level(gpu, 0..ROWS, &unreduced, None);
            assert_eq!(device, host, "an upstream factor for each row, soft {}", inputs.soft);

            // What the options say of the denominator does not count where there is a buffer.
            let mut host = inputs.at_host_level(gpu, numbers().upstream(-2.0).denominator(Denominator::Value(3.25)));
            host.z_loss = None;
            let device = inputs.at_device_level(gpu, 0..ROWS, &numbers().upstream(-2.0).denominator(Denominator::Rows), Some(3.25));
            assert_eq!(device, host, "a denominator in a buffer, soft {}", inputs.soft);
        }
    });
}

/// Gradient accumulation: two halves with the denominator of the whole have its gradient, and losses that add up to its loss.
#[test]
fn halves_with_the_denominator_of_the_whole() {
    on_every_adapter(|gpu| {
        for inputs in [Inputs::new(false), Inputs::new(true)] {
            let whole = inputs.at_host_level(gpu, numbers());
            let half = |rows| inputs.at_device_level(gpu, rows, &numbers(), Some(whole.denominator));
            let (first, second) = (half(0..5), half(5..ROWS));
            let loss = f64::from(whole.loss.unwrap());
            let close = |_: usize| Bound { relative: 1e-6, absolute: 0.0 };
            assert_close("the sum of the losses", &[first.loss.unwrap() + second.loss.unwrap()], &[loss], close);
            assert_eq!([first.gradient.unwrap(), second.gradient.unwrap()].concat(), whole.gradient.unwrap());
            assert_eq!(first.valid_rows + second.valid_rows, whole.valid_rows);
        }
    });
}

#[test]
fn what_does_not_fit() {
    let gpu = crate::common::gpu();
    let (a, b) = (floats(gpu, &[0.5; 12]), floats(gpu, &[0.5; 12]));
    let (x, y) = (DeviceMatrix::new::<f32>(&a, 3, 4).unwrap(), DeviceMatrix::new::<f32>(&b, 3, 4).unwrap());
    let (vector, short) = (DeviceVector::new(&b), DeviceVector::with_offset(&b, 40));
    let mut encoder = encoder(gpu);
    let mut refused = |buffers: CrossEntropyBuffers<'_>, options: CrossEntropy<'_>| {
        gpu.record_cross_entropy(&mut encoder, &buffers, &options).unwrap_err().to_string()
    };
    let (hard, soft, plain) = (CrossEntropyBuffers::new(x, vector), CrossEntropyBuffers::soft(x, y), CrossEntropy::new());
    let none = plain.reduction(Reduction::None);
    assert!(refused(hard, plain.class_weights(&[1.0; 4][..])).starts_with("at the device level"));
    assert!(refused(hard, plain.scale(&[1.0; 3][..])).starts_with("at the device level"));
    assert!(refused(hard, none.upstream(&[1.0; 3][..])).starts_with("at the device level"));
    let upstream = CrossEntropyBuffers { upstream: Some(vector), ..hard };
    assert_eq!(refused(upstream, plain), "an upstream gradient for each row needs reduction none, not Mean");
    let loss = CrossEntropyBuffers { loss: Some(vector), ..hard };
    assert_eq!(refused(loss, none), "with reduction none there is no reduced loss to write");
    let alone = CrossEntropyBuffers { target_gradient: Some(y), ..soft };
    assert_eq!(refused(alone, plain), "target_gradient comes only together with gradient");
    assert_eq!(refused(hard, plain.piece(0, 9)), "the loss of a piece of a vocabulary needs the states of all pieces");
    let ranked = CrossEntropyBuffers { rank: Some(vector), ..soft };
    assert!(refused(ranked, plain).contains("class indices"));
    for (buffers, what, bytes) in [
        (CrossEntropyBuffers { class_weights: Some(short), ..hard }, "class_weights", 16),
        (CrossEntropyBuffers { row_weights: Some(short), ..hard }, "row_weights", 12),
        (CrossEntropyBuffers { states: Some(short), ..hard }, "states", 180),
        (CrossEntropyBuffers { new_states: Some(short), ..hard }, "new_states", 180),
        (CrossEntropyBuffers { entropy: Some(short), ..hard }, "entropy", 12),
    ] {
        assert_eq!(refused(buffers, plain), format!("buffer for {what}: {bytes} bytes from offset 40 on, but it has 48"));
    }
    let over = CrossEntropyBuffers { gradient: Some(Output::To(y)), ..soft };
    assert!(refused(over, plain).contains("which no dispatch may both read and write"));
}
