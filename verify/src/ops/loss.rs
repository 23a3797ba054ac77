//! Cross-entropy with class indices and with probabilities.

use half::{bf16, f16};
use wgpu_xent::{CrossEntropyResult, Denominator, EmptyMean, FaultPolicy, Gpu, Reduction, Result, Targets};

use super::options::mask_of_rows;
use super::results::{Elements, expected_of, settle, values_of};
use crate::case::{Case, Expected, Input, Place, wide};
use crate::compare::Bound;
use crate::data::Random;
use crate::loss::{Goal, LossBounds, LossCall, Mask, Scale};
use crate::matrix::Shape;

/// How many times the documented bounds a loss may be off by.
pub(super) const SLACK: f64 = 1.0;

/// A loss of class indices, as far as it is the input's.
pub(super) fn call(input: &Input) -> LossCall {
    LossCall::new(input.logits(), Goal::Classes(input.values().1))
}

/// A loss of probabilities: of each four rows one is certain, one sums to 1, one does not, and one holds zeros.
pub(super) fn soft_call(input: &Input) -> LossCall {
    let (rows, classes) = (input.rows(), input.shape.classes);
    let mut random = Random::new(input.seed() + 3);
    let mut q = Vec::with_capacity(rows * classes);
    for row in 0..rows {
        let at = random.below(classes);
        let of_class = |class: usize| match row % 4 {
            0 => f32::from(u8::from(class == at)),
            1 => 1.0 / classes as f32,
            2 => random.uniform() as f32,
            _ => [0.0, 0.5, random.uniform() as f32][random.below(3)],
        };
        q.extend((0..classes).map(of_class));
    }
    LossCall::new(input.logits(), Goal::Probabilities(input.matrix(&q)))
}

/// Weights from 0 to 2, some of them exactly 0.
pub(super) fn weights(len: usize, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    (0..len).map(|_| if random.below(6) == 0 { 0.0 } else { (0.25 + 1.75 * random.uniform()) as f32 }).collect()
}

fn class_weights(input: &Input) -> Option<Vec<f32>> {
    Some(weights(input.shape.classes, input.seed() + 4))
}

fn row_weights(input: &Input) -> Option<Vec<f32>> {
    Some(weights(input.rows(), input.seed() + 5))
}

/// The first row that [`with_ignored`] ignores.
const IGNORED: usize = 3;

/// Every fifth row ignored, by the index of the class that is the largest of the first of these: what is ignored is not right either.
fn with_ignored(mut call: LossCall) -> LossCall {
    let first: Vec<f64> = if call.logits.shape().rows() > IGNORED { call.logits.view().row(IGNORED).collect() } else { Vec::new() };
    call.ignore_index = (0..first.len()).reduce(|a, b| if first[b] > first[a] { b } else { a }).map_or(-100, |class| class as i64);
    if let Goal::Classes(targets) = &mut call.goal {
        targets.iter_mut().skip(IGNORED).step_by(5).for_each(|target| *target = call.ignore_index);
    }
    call
}

/// What the calls return, whatever the type of gradients.
type Got = (CrossEntropyResult<f32, f32>, Option<Elements>, Option<Elements>);

fn case(call: LossCall, rounding: Bound, run: impl Fn(&LossCall, &Gpu) -> Result<Got> + 'static) -> Case {
    let expected = call.on_cpu().expect("options that fit");
    let of_call = LossBounds::new(&call, SLACK);
    let expected_list = expected_of(&call, &expected, of_call.of(&expected), rounding);
    let run = move |gpu: &Gpu| {
        let (mut got, gradient, target_gradient) = run(&call, gpu)?;
        settle(&call, &of_call, &mut got, &expected);
        Ok(values_of(&call, &got, gradient, target_gradient))
    };
    Case { expected: expected_list, run: Box::new(run) }
}

fn plain_case(call: LossCall) -> Case {
    case(call, Bound::absolute(0.0), |call, gpu| {
        let mut got = call.on_gpu(gpu)?;
        let (gradient, target_gradient) = (got.gradient.take().map(wide), got.target_gradient.take().map(wide));
        Ok((got, gradient, target_gradient))
    })
}

/// The loss alone: no matrix is written, and kernels leave out what only other results need.
pub(super) fn plain(input: &Input) -> Case {
    plain_case(LossCall { logsumexp: false, ..call(input) })
}

/// What evaluation asks for: results of rows, and no matrix.
pub(super) fn with_logsumexp(input: &Input) -> Case {
    plain_case(call(input))
}

/// What training asks for.
pub(super) fn with_gradient(input: &Input) -> Case {
    plain_case(LossCall { logsumexp: false, gradient: true, ..call(input) })
}

fn everything(call: LossCall) -> LossCall {
    let soft = call.is_soft();
    LossCall { argmax: true, entropy: true, rank: !soft, top_k: (!soft).then_some(3), gradient: true, target_gradient: soft, ..call }
}

pub(super) fn all_results(input: &Input) -> Case {
    plain_case(everything(call(input)))
}

pub(super) fn weighted(input: &Input) -> Case {
    let call = with_ignored(LossCall { class_weights: class_weights(input), reduction: Reduction::Sum, gradient: true, ..call(input) });
    plain_case(LossCall { upstream: -2.5, argmax: true, ..call })
}

pub(super) fn smoothed(input: &Input) -> Case {
    let call = LossCall { label_smoothing: 0.1, row_weights: row_weights(input), z_loss: 1e-3, ..call(input) };
    plain_case(LossCall { denominator: Denominator::AllWeights, gradient: true, ..call })
}

pub(super) fn transformed(input: &Input) -> Case {
    let upstream: Vec<f32> = (0..input.rows()).map(|row| (row % 9) as f32 * 0.5 - 2.0).collect();
    let call = LossCall { scale: Scale::Temperature(0.5), softcap: Some(15.0), mask: Some(mask_of_rows(input)), ..call(input) };
    plain_case(LossCall { reduction: Reduction::None, row_upstream: Some(upstream), gradient: true, rank: true, argmax: true, ..call })
}

pub(super) fn zeroed(input: &Input) -> Case {
    let scales = (0..input.rows()).map(|row| [1.0, 0.5, input.widest_scale(), 0.75][row % 4]).collect();
    let allowed: Vec<bool> = (0..input.shape.classes).map(|class| class % 3 != 1).collect();
    let mask = Mask::new(&allowed, input.shape.classes, false);
    let call = with_ignored(LossCall { scale: Scale::Rows(scales), mask: Some(mask), gradient: true, ..call(input) });
    plain_case(LossCall {
        faults: FaultPolicy::Zero,
        denominator: Denominator::ValidRows,
        empty_mean: EmptyMean::Zero,
        entropy: true,
        ..call
    })
}

const OF_F16: Bound = Bound { relative: 1.0 / 2048.0, absolute: 3e-8 };
/// What is farther from 0 is infinite in f16.
const LARGEST_F16: f64 = 65_519.0;
const OF_BF16: Bound = Bound { relative: 1.0 / 256.0, absolute: 1.2e-38 };

pub(super) fn as_bf16(input: &Input) -> Case {
    case(everything(call(input)), OF_BF16, |call, gpu| {
        let Goal::Classes(targets) = &call.goal else { unreachable!("a loss of class indices") };
        let got = gpu.cross_entropy_as::<bf16>(&call.logits.view(), &Targets::new(targets), &call.options())?;
        Ok(split(got, bf16::to_f32))
    })
}

pub(super) fn soft_as_f16(input: &Input) -> Case {
    let mut case = case(everything(soft_call(input)), OF_F16, |call, gpu| {
        let Goal::Probabilities(q) = &call.goal else { unreachable!("a loss of probabilities") };
        let got = gpu.soft_cross_entropy_as::<f16>(&call.logits.view(), &q.view(), &call.options())?;
        Ok(split(got, f16::to_f32))
    });
    // Of f16 are the matrices.
    for expected in case.expected.iter_mut().filter(|expected| matches!(expected.place, Place::Elements(_))) {
        for value in expected.values.iter_mut().filter(|value| value.abs() > LARGEST_F16) {
            *value = value.signum() * f64::INFINITY;
        }
    }
    case
}

/// The matrices apart from the rest, widened.
fn split<G: Copy>(mut result: CrossEntropyResult<f32, G>, widened: fn(G) -> f32) -> Got {
    let [gradient, target_gradient] =
        [result.gradient.take(), result.target_gradient.take()].map(|matrix| matrix.map(|m| wide(m.into_iter().map(widened))));
    let mut rest = CrossEntropyResult::default();
    (rest.loss, rest.row_loss, rest.logsumexp, rest.log_prob) = (result.loss, result.row_loss, result.logsumexp, result.log_prob);
    (rest.argmax, rest.rank, rest.entropy) = (result.argmax, result.rank, result.entropy);
    (rest.row_z_loss, rest.z_loss, rest.valid_rows) = (result.row_z_loss, result.z_loss, result.valid_rows);
    (rest.denominator, rest.correct, rest.correct_top_k) = (result.denominator, result.correct, result.correct_top_k);
    rest.faults = result.faults;
    (rest, gradient, target_gradient)
}

pub(super) fn soft(input: &Input) -> Case {
    plain_case(everything(soft_call(input)))
}

pub(super) fn soft_weighted(input: &Input) -> Case {
    let call = LossCall { class_weights: class_weights(input), label_smoothing: 0.25, mask: Some(mask_of_rows(input)), ..soft_call(input) };
    plain_case(LossCall { reduction: Reduction::Sum, gradient: true, target_gradient: true, ..call })
}

pub(super) fn soft_transformed(input: &Input) -> Case {
    let call = LossCall { scale: Scale::Temperature(0.75), softcap: Some(15.0), row_weights: row_weights(input), ..soft_call(input) };
    plain_case(LossCall { z_loss: 1e-3, gradient: true, entropy: true, ..call })
}

/// The gradient from the states that the forward pass left.
fn from_states(call: LossCall) -> Case {
    let call = LossCall { states: true, gradient: true, ..call };
    let expected = call.on_cpu().expect("options that fit");
    let bounds = LossBounds::new(&call, SLACK).of(&expected).gradient;
    let shape = Shape { padding: 0, ..call.logits.shape() };
    let values = expected.gradient.unwrap_or_default();
    let expected = vec![Expected { result: "gradient", values, bounds, place: Place::Elements(shape) }];
    let run = move |gpu: &Gpu| {
        let states = LossCall { gradient: false, ..call.clone() }.on_gpu(gpu)?.states.unwrap_or_default();
        Ok(vec![wide(call.backward(gpu, &states)?)])
    };
    Case { expected, run: Box::new(run) }
}

pub(super) fn backward(input: &Input) -> Case {
    from_states(with_ignored(call(input)))
}

pub(super) fn backward_smoothed(input: &Input) -> Case {
    let call = LossCall { class_weights: class_weights(input), label_smoothing: 0.1, mask: Some(mask_of_rows(input)), ..call(input) };
    from_states(call)
}

pub(super) fn soft_backward(input: &Input) -> Case {
    from_states(soft_call(input))
}
