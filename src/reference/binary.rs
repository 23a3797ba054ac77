//! Sigmoid and binary cross-entropy.

use super::elements::{Element, reduce};
use super::shape::{dense, zip_elements};
use crate::{BinaryCrossEntropy, ElementLossResult, Logits, Result, Weights};

/// `1 / (1 + exp(-x))` of each element, in the shape of the input. 0 and 1 at -inf and +inf, NaN at NaN.
#[must_use]
pub fn sigmoid(x: &Logits<'_>) -> Vec<f64> {
    dense(x, (0..x.rows()).map(|r| x.row(r).map(of_logit).collect()))
}

/// Gradient of [`sigmoid`] from its output `y`: `u y (1 - y)` of each element, in the shape of `y`.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) if the shapes differ.
pub fn sigmoid_backward(y: &Logits<'_>, upstream: &Logits<'_>) -> Result<Vec<f64>> {
    zip_elements("upstream", y, upstream, |y, u| u * y * (1.0 - y))
}

/// Binary cross-entropy of each element: the formula is at [`BinaryCrossEntropy`]. The gradient is with respect to the logits:
/// `g weight ((1 - y) σ(x) - pos_weight y σ(-x))`.
///
/// Computed as `weight ((1 - y) softplus(x) + pos_weight y softplus(-x))`, which is the same and cancels nothing for `y` from 0 to 1.
/// Each of its terms is 0 if its coefficient is, so that an infinite logit has loss 0 on the side of the target and +inf on the other. A
/// weight of 0 makes loss and gradient 0 whatever the logit; otherwise NaN stays NaN.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) if the shapes differ, and what [`BinaryCrossEntropy`] says of its options.
pub fn binary_cross_entropy_with_logits(
    logits: &Logits<'_>,
    targets: &Logits<'_>,
    options: &BinaryCrossEntropy<'_>,
) -> Result<ElementLossResult<f64>> {
    options.check(logits)?;
    logits.check_same_shape("targets", targets)?;
    let of_row = |r: usize| {
        let weights: Vec<f64> = match &options.weight {
            None => vec![1.0; logits.classes()],
            Some(Weights::Classes(weights)) => weights.iter().map(|&w| w.into()).collect(),
            Some(Weights::Elements(weights)) => weights.row(r).collect(),
        };
        let pos_weight = |c: usize| options.pos_weight.map_or(1.0, |weights| weights[c].into());
        let of_class = |(c, (x, y))| element(x, y, weights[c], pos_weight(c));
        logits.row(r).zip(targets.row(r)).enumerate().map(of_class).collect()
    };
    reduce(logits, &options.loss, (0..logits.rows()).map(of_row))
}

fn element(x: f64, y: f64, weight: f64, pos_weight: f64) -> Element {
    let (negative, positive) = (1.0 - y, pos_weight * y);
    let term = |coefficient: f64, value: f64| if coefficient == 0.0 { 0.0 } else { coefficient * value };
    let (loss, gradient) = if weight == 0.0 {
        (0.0, 0.0)
    } else if x.is_nan() {
        (x, x)
    } else {
        let loss = term(negative, softplus(x)) + term(positive, softplus(-x));
        (weight * loss, weight * (negative * of_logit(x) - positive * of_logit(-x)))
    };
    Element { loss, gradient, target_gradient: f64::NAN }
}

/// `log(1 + exp(x))`.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The logistic function, accurate at both ends.
fn of_logit(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}
