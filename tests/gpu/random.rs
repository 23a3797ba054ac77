//! Random combinations of options, shapes and data against the f64 reference, on every adapter, with shrinking.
//!
//! A combination of options has pipelines of its own (for rows of up to 16 classes also each number of them), and what takes the time
//! is to compile them: so combinations are drawn first, then draws of everything else for each. `XENT_DRAWS=2000` asks for so many draws
//! on each adapter (the default is fewer), `XENT_DRAWS_ON=llvmpipe` for adapters with this in their description only.

use crate::common::data::{Data, Random, make};
use crate::common::gpus;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use wgpu_xent::{CrossEntropyResult, Denominator, EmptyMean, Error, FaultPolicy, Gpu, Reduction, Storage, Strategy as Kernel};
use wgpu_xent_verify::{Goal, LossBounds, LossCall, Mask, Matrix, Scale, Shape, close, compare_numbers};

/// Draws of a combination.
const DRAWS: u32 = 50;
/// How many times the documented bounds are allowed.
const SLACK: f64 = 2.0;
const TOP_K: u32 = 3;

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
    logsumexp: bool,
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
        // Kernels leave out what these need if no one asks for any of them.
        let (details, logsumexp) = (coin(), coin());
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
            logsumexp: details && logsumexp,
            argmax: details && argmax,
            rank: details && rank && !soft,
            entropy: details && entropy,
            states,
            gradient,
            target_gradient: target_gradient && soft,
        }
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

/// Between two values, or sometimes exactly 0; if signed, of both signs, and often of the same size.
fn weights(random: &mut Random, n: usize, signed: bool) -> Vec<f32> {
    let mut weight = || {
        let size = if random.below(6) == 0 { 0.0 } else { (0.25 + 2.0 * random.uniform()) as f32 };
        if signed { [1.0, -1.0, size, -size][random.below(4)] } else { size }
    };
    (0..n).map(|_| weight()).collect()
}

/// The call of a draw.
fn call(of: &Combination, draw: &Draw) -> LossCall {
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
    let probabilities = probabilities(draw, &mut random);
    let mask_rows = if of.mask_per_row { rows } else { 1 };
    let allowed: Vec<bool> = (0..mask_rows * classes).map(|_| random.below(4) != 0).collect();
    let class_weights = weights(&mut random, classes, draw.signed);
    let row_weights = weights(&mut random, rows, draw.signed);
    let scales: Vec<f32> = (0..rows).map(|_| (0.5 + random.uniform()) as f32).collect();
    let upstream: Vec<f32> = (0..rows).map(|_| random.normal() as f32).collect();
    let matrix =
        |values: &[f32], padding| Matrix::new(values, Shape { blocks: draw.blocks, classes, inner: draw.inner, padding }, Storage::F32);
    let goal = if of.soft { Goal::Probabilities(matrix(&probabilities, draw.padding.1)) } else { Goal::Classes(targets) };
    LossCall {
        scale: match of.scaled {
            Scaled::No => Scale::One,
            Scaled::All => Scale::Temperature(0.75),
            Scaled::Rows => Scale::Rows(scales),
        },
        softcap: of.softcap.then_some(15.0),
        mask: of.masked.then(|| Mask::new(&allowed, classes, of.mask_per_row)),
        class_weights: of.class_weights.then_some(class_weights),
        row_weights: draw.row_weights.then_some(row_weights),
        label_smoothing: if of.smoothing { draw.smoothing } else { 0.0 },
        z_loss: draw.z_loss,
        reduction: draw.reduction,
        denominator: draw.denominator,
        empty_mean: if draw.empty_zero { EmptyMean::Zero } else { EmptyMean::Nan },
        upstream: 1.5,
        row_upstream: draw.upstream_rows.then_some(upstream),
        faults: draw.faults,
        top_k: of.rank.then_some(TOP_K),
        logsumexp: of.logsumexp,
        argmax: of.argmax,
        rank: of.rank,
        entropy: of.entropy,
        states: of.states,
        gradient: of.gradient,
        target_gradient: of.target_gradient,
        ..LossCall::new(matrix(&logits, draw.padding.0), goal)
    }
}

/// Labels: one-hot, ones that add up to 0, weights of each kind.
fn probabilities(draw: &Draw, random: &mut Random) -> Vec<f32> {
    let (rows, classes) = (draw.rows(), draw.classes);
    let mut probabilities = Vec::with_capacity(rows * classes);
    for row in 0..rows {
        let at = random.below(classes);
        let q = match row % 4 {
            // One-hot.
            0 => (0..classes).map(|c| f32::from(u8::from(c == at))).collect(),
            // They add up to 0, if there are two.
            2 => (0..classes).map(|c| f32::from(i8::from(c == at) - i8::from(c == (at + 1) % classes))).collect(),
            kind => weights(random, classes, kind == 3),
        };
        probabilities.extend(q);
    }
    if draw.bad_label && !probabilities.is_empty() {
        let at = random.below(probabilities.len());
        probabilities[at] = f32::NAN;
    }
    probabilities
}

/// Argmax and rank where rounding leaves no doubt, and what is counted of them.
fn compare_classes(bounds: &LossBounds, got: &CrossEntropyResult, expected: &CrossEntropyResult<f64>) -> Result<(), String> {
    let compare = |what: &str, got: Option<&Vec<u32>>, expected: Option<&Vec<u32>>, agrees: &dyn Fn(usize, u32, u32) -> bool| {
        let (got, expected) = match (got, expected) {
            (None, None) => return Ok(()),
            (Some(got), Some(expected)) if got.len() == expected.len() => (got, expected),
            _ => return Err(format!("{what}: {got:?}, expected {expected:?}")),
        };
        match (0..got.len()).find(|&r| !agrees(r, got[r], expected[r])) {
            None => Ok(()),
            Some(r) => Err(format!("{what} of row {r}: {}, expected {}", got[r], expected[r])),
        }
    };
    compare("argmax", got.argmax.as_ref(), expected.argmax.as_ref(), &|r, class, other| bounds.is_argmax(r, class, other))?;
    compare("rank", got.rank.as_ref(), expected.rank.as_ref(), &|r, rank, other| bounds.is_rank(r, rank, other))?;
    let correct = expected.correct.and(got.argmax.as_ref()).map(|best| bounds.count(best, |target, c| target == c as usize));
    let correct_top_k = expected.correct_top_k.and(got.rank.as_ref()).map(|ranks| bounds.count(ranks, |_, rank| rank < TOP_K));
    for (what, got, expected) in [("correct", got.correct, correct), ("correct_top_k", got.correct_top_k, correct_top_k)] {
        if got != expected {
            return Err(format!("{what}: {got:?}, expected {expected:?}"));
        }
    }
    Ok(())
}

/// Compares everything that a call returned, and the backward pass from its states.
fn check(gpu: &Gpu, of: &Combination, draw: &Draw) -> Result<(), String> {
    let call = call(of, draw);
    let gpu = gpu.with_strategy(of.kernel).with_vector_strategy(of.kernel);
    let (got, expected) = match (call.on_gpu(&gpu), call.on_cpu()) {
        (Ok(got), Ok(expected)) => (got, expected),
        (Err(got @ Error::Fault { .. }), Err(expected)) if got.to_string() == expected.to_string() => return Ok(()),
        (got, expected) => return Err(format!("{:?}, expected {:?}", got.map(drop), expected.map(drop))),
    };
    let rows = LossBounds::new(&call, SLACK);
    let bounds = rows.of(&expected);
    compare_numbers(&got, &expected, &bounds)?;
    compare_classes(&rows, &got, &expected)?;
    if let (true, Some(states)) = (of.gradient, &got.states) {
        let backward = call.backward(&gpu, states);
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
