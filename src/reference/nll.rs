//! The loss of log-probabilities that are already there.

use super::reduce::{Reducer, class_weight, row_weight};
use super::shape::dense;
use crate::options::Outputs;
use crate::{CrossEntropy, CrossEntropyResult, Error, FaultPolicy, Faults, LogitTransform, Logits, Result, Targets};

/// Negative log-likelihood: `loss_r = -a_r w_t x_t` of log-probabilities `x`, and its gradient, `-g_r a_r w_t` at the target and 0
/// elsewhere, in the shape of `log_probs`.
///
/// Reduction, denominator and ignored rows as with [`cross_entropy`](super::cross_entropy). A coefficient `a_r w_t` of exactly 0 gives
/// loss and gradient 0; else a NaN, or infinity, at the target is the loss's, and the other classes do not matter. There are no faults
/// but that of an empty denominator.
///
/// # Errors
/// [`Error::Length`] and [`Error::Target`] as with [`cross_entropy`](super::cross_entropy); [`Error::Options`] for every option but
/// the reduction, denominator, empty mean, `ignore_index`, upstream, weights, row loss and gradient.
pub fn nll_loss(log_probs: &Logits<'_>, targets: &Targets<'_>, options: &CrossEntropy<'_>) -> Result<CrossEntropyResult<f64>> {
    only_these(options)?;
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

/// No option is set that has no meaning without logits.
fn only_these(options: &CrossEntropy<'_>) -> Result<()> {
    let Outputs { row_loss: _, gradient: _, logsumexp, log_prob, argmax, rank, entropy, z_loss, states, target_gradient } = options.outputs;
    let others = [
        (options.label_smoothing != 0.0, "label_smoothing"),
        (options.z_loss != 0.0, "z_loss"),
        (options.transform != LogitTransform::new(), "transform"),
        (options.piece.is_some(), "piece"),
        (options.faults != FaultPolicy::Propagate, "faults"),
        (options.top_k.is_some(), "top_k"),
        (logsumexp, "logsumexp"),
        (log_prob, "log_prob"),
        (argmax, "argmax"),
        (rank, "rank"),
        (entropy, "entropy"),
        (z_loss, "z_loss_part"),
        (states, "states"),
        (target_gradient, "target_gradient"),
    ];
    match others.iter().find(|(is_set, _)| *is_set) {
        Some((_, name)) => Err(Error::Options(format!("nll_loss has no option {name}"))),
        None => Ok(()),
    }
}
