//! Random combinations of options, shapes and data against the f64 reference, on every adapter, with shrinking.
//!
//! A combination of options has pipelines of its own, and what takes the time is to compile them: so combinations are drawn first,
//! then draws of everything else for each. `XENT_DRAWS=2000` asks for so many draws on each adapter (the default is fewer),
//! `XENT_DRAWS_ON=llvmpipe` for adapters with this in their description only.

use crate::common::data::{Data, Random, make};
use crate::common::gpus;
use crate::results::{close, compare_numbers};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rows::Rows;
use wgpu_xent::{
    ClassMask, CrossEntropy, Denominator, EmptyMean, Error, Factor, FaultPolicy, Gpu, LogitTransform, Logits, Reduction,
    Strategy as Kernel, Targets, reference,
};

mod rows;

/// Draws of a combination.
const DRAWS: u32 = 50;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Scaled {
    No,
    All,
    Rows,
}

/// The options that are parts of a pipeline.
#[derive(Clone, Copy, Debug)]
struct Combination {
    kernel: Option<Kernel>,
    scaled: Scaled,
    softcap: bool,
    masked: bool,
    mask_per_row: bool,
    class_weights: bool,
    soft: bool,
    smoothing: bool,
    argmax: bool,
    rank: bool,
    entropy: bool,
    states: bool,
    gradient: bool,
    target_gradient: bool,
}

impl Combination {
    fn draw(random: &mut Random, gpu: &Gpu) -> Self {
        let mut coin = || random.below(2) == 1;
        let (softcap, masked, mask_per_row, class_weights) = (coin(), coin(), coin(), coin());
        let (soft, smoothing, argmax, rank, entropy) = (coin(), coin(), coin(), coin(), coin());
        let (states, gradient, target_gradient) = (coin(), coin(), coin());
        let kernels: Vec<Option<Kernel>> = Kernel::ALL
            .into_iter()
            .filter(|k| gpu.caps().subgroup.is_some() || !matches!(k, Kernel::Subgroup | Kernel::SplitSubgroup))
            .map(Some)
            .chain([None, None])
            .collect();
        Self {
            kernel: kernels[random.below(kernels.len())],
            scaled: [Scaled::No, Scaled::All, Scaled::Rows][random.below(3)],
            softcap,
            masked,
            mask_per_row,
            class_weights,
            soft,
            smoothing,
            argmax,
            rank: rank && !soft,
            entropy,
            states,
            gradient,
            target_gradient: target_gradient && soft,
        }
    }

    /// Whether `z` is not the logit itself.
    fn transforms(&self) -> bool {
        self.softcap || self.scaled != Scaled::No
    }
}

/// Everything else of a call.
#[derive(Clone, Debug)]
struct Draw {
    blocks: usize,
    inner: usize,
    classes: usize,
    seed: u64,
    data: Data,
    special: bool,
    reduction: Reduction,
    denominator: Denominator,
    empty_zero: bool,
    row_weights: bool,
    upstream_rows: bool,
    z_loss: f32,
    faults: FaultPolicy,
    smoothing: f32,
    /// Class and row weights of both signs, that may add up to 0.
    signed: bool,
    /// A label that is no number.
    bad_label: bool,
    /// Elements behind a block of logits, and of probabilities.
    padding: (usize, usize),
}

impl Draw {
    fn rows(&self) -> usize {
        self.blocks * self.inner
    }

    fn smoothing(&self, of: &Combination) -> f32 {
        if of.smoothing { self.smoothing } else { 0.0 }
    }
}

fn draws() -> impl Strategy<Value = Draw> {
    let shape = (0_usize..5, prop_oneof![4 => Just(1_usize), 1 => 2_usize..6], prop_oneof![3 => 1_usize..40, 1 => 40_usize..700]);
    let data = prop_oneof![
        Just(Data::Normal),
        Just(Data::Outliers),
        Just(Data::Ahead(20.0)),
        Just(Data::Ascending),
        Just(Data::Masked),
        Just(Data::Equal)
    ];
    let reduction = prop_oneof![Just(Reduction::None), Just(Reduction::Mean), Just(Reduction::Sum)];
    let denominator = prop_oneof![
        Just(Denominator::TargetWeights),
        Just(Denominator::Rows),
        Just(Denominator::ValidRows),
        Just(Denominator::AllWeights),
        Just(Denominator::Value(2.5)),
        Just(Denominator::Value(0.0))
    ];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.1));
    let numbers = (prop_oneof![Just(0.0_f32), Just(1e-3_f32)], prop_oneof![Just(0.1_f32), Just(0.0), Just(0.5), Just(1.0)]);
    let faults = prop_oneof![Just(FaultPolicy::Propagate), Just(FaultPolicy::Zero), Just(FaultPolicy::Fail)];
    let padding = prop_oneof![2 => Just((0, 0)), 1 => (0_usize..6, 0_usize..6)];
    (shape, data, (reduction, denominator), flags, numbers, faults, padding, any::<u64>()).prop_map(
        |(shape, data, (reduction, denominator), flags, (z_loss, smoothing), faults, padding, seed)| {
            let (blocks, inner, classes) = shape;
            let (empty_zero, row_weights, upstream_rows, signed, special, bad_label) = flags;
            Draw {
                blocks,
                inner,
                classes,
                seed,
                data,
                special,
                reduction,
                denominator,
                empty_zero,
                row_weights,
                upstream_rows,
                z_loss,
                faults,
                smoothing,
                signed,
                bad_label,
                padding,
            }
        },
    )
}

/// The values of a draw, those of a row together.
struct Inputs {
    logits: Vec<f32>,
    targets: Vec<i64>,
    probabilities: Vec<f32>,
    class_weights: Vec<f32>,
    row_weights: Vec<f32>,
    scales: Vec<f32>,
    upstream: Vec<f32>,
    mask: Vec<u32>,
}

/// Rows one after another, in the shape of the draw.
struct Matrix {
    data: Vec<f32>,
    stride: usize,
}

impl Matrix {
    /// With so much of NaN between blocks.
    fn new(rows: &[f32], draw: &Draw, padding: usize) -> Self {
        let Draw { classes, inner, .. } = *draw;
        let stride = classes * inner + padding;
        let mut data = Vec::with_capacity(draw.blocks * stride);
        for block in rows.chunks(classes * inner) {
            data.resize(data.len().next_multiple_of(stride), f32::NAN);
            data.extend((0..classes * inner).map(|i| block[i % inner * classes + i / inner]));
        }
        Self { data, stride }
    }

    fn view(&self, draw: &Draw) -> Logits<'_> {
        Logits::with_blocks(&self.data, draw.blocks, draw.classes, draw.inner, self.stride).unwrap()
    }
}

/// Between two values, or sometimes exactly 0; if signed, of both signs, and often of the same size.
fn weights(random: &mut Random, n: usize, signed: bool) -> Vec<f32> {
    let mut weight = || {
        let size = if random.below(6) == 0 { 0.0 } else { (0.25 + 2.0 * random.uniform()) as f32 };
        if signed { [1.0, -1.0, size, -size][random.below(4)] } else { size }
    };
    (0..n).map(|_| weight()).collect()
}

impl Inputs {
    fn new(of: &Combination, draw: &Draw) -> Self {
        let rows = draw.rows();
        let classes = draw.classes;
        let mut random = Random::new(draw.seed);
        let (mut logits, mut targets) = make(draw.data, rows, classes, draw.seed ^ 1);
        if draw.special && !logits.is_empty() {
            for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let at = random.below(logits.len());
                logits[at] = value;
            }
        }
        for target in &mut targets {
            if random.below(5) == 0 {
                *target = -100;
            }
        }
        let mut probabilities = Vec::with_capacity(rows * classes);
        for row in 0..rows {
            let at = random.below(classes);
            let q = match row % 4 {
                // One-hot.
                0 => (0..classes).map(|c| f32::from(u8::from(c == at))).collect(),
                // They add up to 0, if there are two.
                2 => (0..classes).map(|c| f32::from(i8::from(c == at) - i8::from(c == (at + 1) % classes))).collect(),
                kind => weights(&mut random, classes, kind == 3),
            };
            probabilities.extend(q);
        }
        if draw.bad_label && !probabilities.is_empty() {
            let at = random.below(probabilities.len());
            probabilities[at] = f32::NAN;
        }
        let mask_rows = if of.mask_per_row { rows } else { 1 };
        let allowed: Vec<bool> = (0..mask_rows * classes).map(|_| random.below(4) != 0).collect();
        Self {
            logits,
            targets,
            probabilities,
            class_weights: weights(&mut random, classes, draw.signed),
            row_weights: weights(&mut random, rows, draw.signed),
            scales: (0..rows).map(|_| (0.5 + random.uniform()) as f32).collect(),
            upstream: (0..rows).map(|_| random.normal() as f32).collect(),
            mask: ClassMask::pack(&allowed, classes),
        }
    }

    /// The softcap.
    const CAP: f32 = 15.0;
    const TOP_K: u32 = 3;

    fn transform(&self, of: &Combination, draw: &Draw) -> LogitTransform<'_> {
        let mut transform = LogitTransform::new().softcap(of.softcap.then_some(Self::CAP));
        transform = match of.scaled {
            Scaled::No => transform,
            Scaled::All => transform.temperature(0.75),
            Scaled::Rows => transform.scale(&self.scales),
        };
        if of.masked {
            let mask = if of.mask_per_row {
                ClassMask::per_row(&self.mask, draw.rows(), draw.classes)
            } else {
                ClassMask::shared(&self.mask, draw.classes)
            };
            transform = transform.mask(mask.unwrap());
        }
        transform
    }

    fn upstream(&self, draw: &Draw) -> Factor<'_> {
        if draw.reduction == Reduction::None && draw.upstream_rows { Factor::Rows(&self.upstream) } else { Factor::Scalar(1.5) }
    }

    fn options<'a>(&'a self, of: &Combination, draw: &Draw) -> CrossEntropy<'a> {
        CrossEntropy::new()
            .reduction(draw.reduction)
            .denominator(draw.denominator)
            .empty_mean(if draw.empty_zero { EmptyMean::Zero } else { EmptyMean::Nan })
            .upstream(self.upstream(draw))
            .class_weights(of.class_weights.then_some(&self.class_weights[..]))
            .row_weights(draw.row_weights.then_some(&self.row_weights[..]))
            .label_smoothing(draw.smoothing(of))
            .z_loss(draw.z_loss)
            .transform(self.transform(of, draw))
            .faults(draw.faults)
            .top_k((of.rank).then_some(Self::TOP_K))
            .row_loss(true)
            .logsumexp(true)
            .argmax(of.argmax)
            .log_prob(of.rank)
            .rank(of.rank)
            .entropy(of.entropy)
            .z_loss_part(draw.z_loss != 0.0)
            .states(of.states)
            .gradient(of.gradient)
            .target_gradient(of.target_gradient)
    }
}

/// Compares everything that a call returned, and the backward pass from its states.
fn check(gpu: &Gpu, of: &Combination, draw: &Draw) -> Result<(), String> {
    let inputs = Inputs::new(of, draw);
    let (logits, probabilities) =
        (Matrix::new(&inputs.logits, draw, draw.padding.0), Matrix::new(&inputs.probabilities, draw, draw.padding.1));
    let (logits, probabilities) = (logits.view(draw), probabilities.view(draw));
    let targets = Targets::new(&inputs.targets);
    let options = inputs.options(of, draw);
    let gpu = gpu.with_strategy(of.kernel);
    let (got, expected) = if of.soft {
        (gpu.soft_cross_entropy(&logits, &probabilities, &options), reference::soft_cross_entropy(&logits, &probabilities, &options))
    } else {
        (gpu.cross_entropy(&logits, &targets, &options), reference::cross_entropy(&logits, &targets, &options))
    };
    let (got, expected) = match (got, expected) {
        (Ok(got), Ok(expected)) => (got, expected),
        (Err(got @ Error::Fault { .. }), Err(expected)) if got.to_string() == expected.to_string() => return Ok(()),
        (got, expected) => return Err(format!("{:?}, expected {:?}", got.map(drop), expected.map(drop))),
    };
    let rows = Rows::new(of, draw, &inputs);
    let bounds = rows.bounds(&expected);
    compare_numbers(&got, &expected, &bounds)?;
    rows.compare_classes(&got, &expected, Inputs::TOP_K)?;
    if let (true, Some(states)) = (of.gradient, &got.states) {
        let backward = if of.soft {
            gpu.soft_cross_entropy_backward(&logits, &probabilities, states, &options)
        } else {
            gpu.cross_entropy_backward(&logits, &targets, states, &options)
        };
        close("backward", Some(&backward.map_err(|e| e.to_string())?), expected.gradient.as_ref(), &bounds.gradient)?;
    }
    Ok(())
}

fn run(gpu: &Gpu, combinations: u32, seed: u64) {
    let mut random = Random::new(seed);
    let mut failures = Vec::new();
    for i in 0..combinations {
        let of = Combination::draw(&mut random, gpu);
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[i as u8; 32]);
        let config = Config { cases: DRAWS, failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
        let outcome = TestRunner::new_with_rng(config, rng).run(&draws(), |draw| check(gpu, &of, &draw).map_err(TestCaseError::fail));
        if let Err(error) = outcome {
            failures.push(format!("on {}, combination {i}: {of:?}\n{error}", gpu.describe()));
        }
    }
    assert!(failures.is_empty(), "{} combinations fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn random_combinations_of_options() {
    let wanted: Option<u32> = std::env::var("XENT_DRAWS").ok().map(|draws| draws.parse().expect("XENT_DRAWS is a number"));
    let combinations = wanted.map_or(2, |draws| draws.div_ceil(DRAWS));
    std::thread::scope(|scope| {
        let only = std::env::var("XENT_DRAWS_ON").unwrap_or_default();
        for (i, gpu) in gpus().iter().enumerate().filter(|(_, gpu)| gpu.describe().contains(&only)) {
            scope.spawn(move || run(gpu, combinations, 40 + i as u64));
        }
    });
}
