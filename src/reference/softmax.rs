//! Softmax, its logarithm, and their gradients.

use super::row::{rows_of, sum};
use super::shape::dense;
use crate::{Error, LogitTransform, Logits, Result};

/// Softmax of each row: `p_c = exp(x_c) / Σ_k exp(x_k)`. Returns `rows * classes` probabilities in the logits' shape.
///
/// A logit of -inf has probability 0; rows of only -inf, or that hold +inf or NaN, are all NaN.
#[must_use]
pub fn softmax(logits: &Logits<'_>) -> Vec<f64> {
    dense(logits, rows_of(logits, &LogitTransform::new()).map(|row| row.probabilities()))
}

/// [`softmax`] of the transformed logits. Classes that do not take part have probability 0, also in rows that are NaN otherwise.
///
/// # Errors
/// If the transform does not fit the logits.
pub fn softmax_with(logits: &Logits<'_>, transform: &LogitTransform<'_>) -> Result<Vec<f64>> {
    transform.check(logits.rows(), logits.classes())?;
    Ok(dense(logits, rows_of(logits, transform).map(|row| row.with_masked(row.probabilities(), 0.0))))
}

/// Logarithm of the softmax of each row: `x_c - log Σ_k exp(x_k)`. Returns `rows * classes` values in nats, in the logits' shape.
///
/// Computed as `(x_c - max) - log(1 + rest)`, so that a dominating class keeps its relative accuracy down to the smallest
/// positive numbers. A logit of -inf gives -inf; rows of only -inf, or that hold +inf or NaN, are all NaN.
#[must_use]
pub fn log_softmax(logits: &Logits<'_>) -> Vec<f64> {
    dense(logits, rows_of(logits, &LogitTransform::new()).map(|row| row.log_probabilities()))
}

/// [`log_softmax`] of the transformed logits. Classes that do not take part have -inf, also in rows that are NaN otherwise.
///
/// # Errors
/// If the transform does not fit the logits.
pub fn log_softmax_with(logits: &Logits<'_>, transform: &LogitTransform<'_>) -> Result<Vec<f64>> {
    transform.check(logits.rows(), logits.classes())?;
    Ok(dense(logits, rows_of(logits, transform).map(|row| row.with_masked(row.log_probabilities(), f64::NEG_INFINITY))))
}

/// Vector-Jacobian product of softmax: `p_c (u_c - Σ_k p_k u_k)`. Returns `rows * classes` derivatives with respect to
/// the logits, in their shape.
///
/// `probabilities` is what the forward pass returned (it is not normalised again), `upstream` the gradient with respect to
/// it, of the same shape. Plain arithmetic throughout: a NaN anywhere in a row makes the row NaN, and so does a
/// probability of 0 against an infinite upstream value.
///
/// # Errors
/// [`Error::Length`] if the shapes differ.
pub fn softmax_backward(probabilities: &Logits<'_>, upstream: &Logits<'_>) -> Result<Vec<f64>> {
    softmax_backward_with(probabilities, upstream, &LogitTransform::new())
}

/// [`softmax_backward`] with respect to the logits before the transform: times the scale, and exactly 0 for classes that do not
/// take part, whose probability and upstream value do not matter.
///
/// # Errors
/// [`Error::Length`] if the shapes differ, [`Error::Options`] for a softcap (its derivative needs the logits), or if the transform
/// does not fit.
pub fn softmax_backward_with(probabilities: &Logits<'_>, upstream: &Logits<'_>, transform: &LogitTransform<'_>) -> Result<Vec<f64>> {
    backward(probabilities, upstream, transform, |p, u| {
        let mean = sum(&p.iter().zip(u).map(|(p, u)| p * u).collect::<Vec<_>>());
        p.iter().zip(u).map(|(p, u)| p * (u - mean)).collect()
    })
}

/// Vector-Jacobian product of log-softmax: `u_c - exp(lp_c) Σ_k u_k`. Returns `rows * classes` derivatives with respect to
/// the logits, in their shape.
///
/// `log_probabilities` is what the forward pass returned, in nats, `upstream` the gradient with respect to it, of the same
/// shape. Plain arithmetic: a log-probability of -inf passes `u_c` through, and one of NaN gives NaN in its own place.
///
/// # Errors
/// [`Error::Length`] if the shapes differ.
pub fn log_softmax_backward(log_probabilities: &Logits<'_>, upstream: &Logits<'_>) -> Result<Vec<f64>> {
    log_softmax_backward_with(log_probabilities, upstream, &LogitTransform::new())
}

/// [`log_softmax_backward`] with respect to the logits before the transform: times the scale, and exactly 0 for classes that do not
/// take part, whose log-probability and upstream value do not matter.
///
/// # Errors
/// As [`softmax_backward_with`].
pub fn log_softmax_backward_with(
    log_probabilities: &Logits<'_>,
    upstream: &Logits<'_>,
    transform: &LogitTransform<'_>,
) -> Result<Vec<f64>> {
    backward(log_probabilities, upstream, transform, |lp, u| {
        let total = sum(u);
        lp.iter().zip(u).map(|(lp, u)| u - lp.exp() * total).collect()
    })
}

/// The product of each row, over the classes that take part, from the output and the upstream values there.
fn backward(
    output: &Logits<'_>,
    upstream: &Logits<'_>,
    transform: &LogitTransform<'_>,
    product: impl Fn(&[f64], &[f64]) -> Vec<f64>,
) -> Result<Vec<f64>> {
    output.check_same_shape("upstream", upstream)?;
    transform.check(output.rows(), output.classes())?;
    if transform.softcap.is_some() {
        return Err(Error::Options("the gradient of a softcap needs the logits, which this call does not have".into()));
    }
    let of_row = |r: usize| {
        let classes: Vec<usize> = (0..output.classes()).filter(|&c| transform.allows(r, c)).collect();
        let (y, u): (Vec<f64>, Vec<f64>) = (output.row(r).collect(), upstream.row(r).collect());
        let taking_part = |values: &[f64]| classes.iter().map(|&c| values[c]).collect::<Vec<_>>();
        let mut gradient = vec![0.0; output.classes()];
        for (&c, of_class) in classes.iter().zip(product(&taking_part(&y), &taking_part(&u))) {
            gradient[c] = f64::from(transform.scale_of(r)) * of_class;
        }
        gradient
    };
    Ok(dense(output, (0..output.rows()).map(of_row)))
}
