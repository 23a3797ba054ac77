//! The loss of log-probabilities that are already there.

use super::reduce::{Reducer, class_weight, row_weight};
use super::shape::dense;
use crate::{CrossEntropy, CrossEntropyResult, Faults, Logits, Result, Targets};

/// Negative log-likelihood: `loss_r = -a_r w_t x_t` of log-probabilities `x`, and its gradient, `-g_r a_r w_t` at the target and 0
/// elsewhere, in the shape of `log_probs`.
///
/// Reduction, denominator and ignored rows as with [`cross_entropy`](super::cross_entropy). A coefficient `a_r w_t` of exactly 0 gives
/// loss and gradient 0; else a NaN, or infinity, at the target is the loss's, and the other classes do not matter. There are no faults
/// but that of an empty denominator.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) and [`Error::Target`](crate::Error::Target) as with [`cross_entropy`](super::cross_entropy); [`Error::Options`](crate::Error::Options) for every option but
/// the reduction, denominator, empty mean, `ignore_index`, upstream, weights, row loss and gradient.
pub fn nll_loss(log_probs: &Logits<'_>, targets: &Targets<'_>, options: &CrossEntropy<'_>) -> Result<CrossEntropyResult<f64>> {
    options.check_without_logits()?;
    options.check(log_probs.rows(), log_probs.classes(), false)?;
    let targets: Vec<_> = targets.resolve(log_probs.rows(), log_probs.classes(), options.ignore_index)?.collect();
    let reducer = Reducer::of_classes(options, &targets);
    let coefficient = |r: usize| targets[r].map_or(0.0, |t| row_weight(options, r) * class_weight(options, t));
    let of_row = |(r, target): (usize, &Option<usize>)| match target {
        Some(t) if coefficient(r) != 0.0 => -coefficient(r) * log_probs.row(r).nth(*t).expect("a class"),
        _ => 0.0,
    };
    let row_loss: Vec<f64> = targets.iter().enumerate().map(of_row).collect();
    let gradient = |r: usize| {
        let mut gradient = vec![0.0; log_probs.classes()];
        if let (Some(t), true) = (targets[r], coefficient(r) != 0.0) {
            gradient[t] = -reducer.factor(r) * coefficient(r);
        }
        gradient
    };
    Ok(CrossEntropyResult {
        loss: reducer.reduced(&row_loss),
        gradient: options.outputs.gradient.then(|| dense(log_probs, (0..log_probs.rows()).map(gradient))),
        row_loss: options.wants_row_loss().then_some(row_loss),
        valid_rows: reducer.valid_rows,
        denominator: reducer.denominator,
        faults: Faults { empty_denominator: reducer.is_at_fault(), ..Faults::default() },
        ..CrossEntropyResult::default()
    })
}
