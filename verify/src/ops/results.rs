//! The results of a loss in one order, for what comes out as for what is expected.

use wgpu_xent::{CrossEntropyResult, Faults};

use crate::bounds::Each;
use crate::case::{Expected, Place, whole};
use crate::compare::Bound;
use crate::loss::{LossBounds, LossCall};
use crate::matrix::Shape;
use crate::results::Bounds;

/// A matrix among the results, before it is compared.
pub(super) type Elements = Vec<f64>;

/// A choice that rounding leaves open counts as the expected one, and so do counts that follow from it.
pub(super) fn settle(call: &LossCall, bounds: &LossBounds, got: &mut CrossEntropyResult, expected: &CrossEntropyResult<f64>) {
    if let (false, Some(classes), Some(correct)) = (call.is_soft(), &got.argmax, got.correct)
        && correct == bounds.count(classes, |target, class| target == class as usize)
    {
        got.correct = expected.correct;
    }
    if let (Some(k), Some(ranks), Some(correct)) = (call.top_k, &got.rank, got.correct_top_k)
        && correct == bounds.count(ranks, |_, rank| rank < k)
    {
        got.correct_top_k = expected.correct_top_k;
    }
    if let (Some(got), Some(expected)) = (&mut got.argmax, &expected.argmax) {
        let pairs = got.iter_mut().zip(expected).enumerate();
        pairs.filter(|(row, (got, expected))| bounds.is_argmax(*row, **got, **expected)).for_each(|(_, (got, expected))| *got = *expected);
    }
    if let (Some(got), Some(expected)) = (&mut got.rank, &expected.rank) {
        let pairs = got.iter_mut().zip(expected).enumerate();
        pairs.filter(|(row, (got, expected))| bounds.is_rank(*row, **got, **expected)).for_each(|(_, (got, expected))| *got = *expected);
    }
}

/// The results of a loss in one order, for what comes out as for what is expected: nothing where there is none.
fn lists<F: Copy + Into<f64>, G>(
    call: &LossCall,
    r: &CrossEntropyResult<F, G>,
    gradient: Option<Elements>,
    target_gradient: Option<Elements>,
) -> Vec<(&'static str, Option<Vec<f64>>, Place)> {
    let rows = |values: &Option<Vec<F>>| values.as_ref().map(|values| values.iter().map(|&value| value.into()).collect::<Vec<f64>>());
    let one = |value: Option<F>| value.map(|value| vec![value.into()]);
    let classes = |values: &Option<Vec<u32>>| values.as_ref().map(|values| whole(values));
    let shape = Shape { padding: 0, ..call.logits.shape() };
    vec![
        ("loss", one(r.loss), Place::Call),
        ("row loss", rows(&r.row_loss), Place::Rows),
        ("logsumexp", rows(&r.logsumexp), Place::Rows),
        ("log-probability", rows(&r.log_prob), Place::Rows),
        ("entropy", rows(&r.entropy), Place::Rows),
        ("z-loss", one(r.z_loss), Place::Call),
        ("row z-loss", rows(&r.row_z_loss), Place::Rows),
        ("argmax", classes(&r.argmax), Place::Rows),
        ("rank", classes(&r.rank), Place::Rows),
        ("gradient", gradient, Place::Elements(shape)),
        ("target gradient", target_gradient, Place::Elements(shape)),
        ("denominator", Some(vec![r.denominator.into()]), Place::Call),
        ("counts", Some(counts(r)), Place::Call),
    ]
}

/// Valid rows, correct ones, and faults; -1 where there is no answer.
fn counts<F, G>(r: &CrossEntropyResult<F, G>) -> Vec<f64> {
    let number = |count: Option<usize>| count.map_or(-1.0, |count| count as f64);
    let Faults { nan, positive_infinity, fully_masked, bad_targets, empty_denominator, .. } = r.faults;
    let mut counts = vec![r.valid_rows as f64, number(r.correct), number(r.correct_top_k), f64::from(u8::from(empty_denominator))];
    for rows in [bad_targets, nan, positive_infinity, fully_masked] {
        counts.extend([rows.count as f64, number(rows.first)]);
    }
    counts
}

pub(super) fn expected_of(call: &LossCall, expected: &CrossEntropyResult<f64>, bounds: Bounds, rounding: Bound) -> Vec<Expected> {
    let mut expected = expected.clone();
    // The mean divides the sum, which may be beyond f32.
    if let (Some(rows), Some(loss)) = (&expected.row_loss, &mut expected.loss) {
        let sum: f64 = rows.iter().sum();
        if sum.is_finite() && sum.abs() > f64::from(f32::MAX) {
            *loss = sum.signum() * f64::INFINITY;
        }
    }
    let rounded = |bounds: Each| match bounds {
        Each::All(bound) => Each::All(bound),
        Each::Of(bounds) => {
            // What is exactly 0 is so in every type.
            let add = |b: Bound| match b {
                b if b == Bound::EXACT => b,
                b => Bound { relative: b.relative + rounding.relative, absolute: b.absolute + rounding.absolute },
            };
            Each::Of(bounds.into_iter().map(add).collect())
        }
    };
    let exact = || Each::All(Bound::EXACT);
    let bounds = [
        Each::All(bounds.loss),
        bounds.row_loss,
        bounds.logsumexp,
        bounds.log_prob,
        bounds.entropy,
        Each::All(bounds.z_loss),
        bounds.row_z_loss,
        exact(),
        exact(),
        rounded(bounds.gradient),
        rounded(bounds.target_gradient),
        Each::All(bounds.denominator),
        exact(),
    ];
    let lists = lists(call, &expected, expected.gradient.clone(), expected.target_gradient.clone());
    let there = lists.into_iter().zip(bounds).filter_map(|((result, values, place), bounds)| Some((result, values?, place, bounds)));
    there.map(|(result, values, place, bounds)| Expected { result, values, bounds, place }).collect()
}

pub(super) fn values_of(
    call: &LossCall,
    got: &CrossEntropyResult,
    gradient: Option<Elements>,
    target_gradient: Option<Elements>,
) -> Vec<Vec<f64>> {
    lists(call, got, gradient, target_gradient).into_iter().filter_map(|(_, values, _)| values).collect()
}
