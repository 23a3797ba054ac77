//! Divergence, entropy and cross-entropy of distributions that are given.

use super::elements::{Element, reduce};
use crate::{ElementLoss, ElementLossResult, Error, Logits, Result};

/// Kullback-Leibler divergence of each element, `q (log q - x)`, from log-probabilities `x` to targets `q`, or their logarithms if
/// `log_target`. The gradient with respect to the input is `-g q`; with respect to the targets `g (log q + 1 - x)`, or with
/// `log_target` `g q (log q + 1 - x)`.
///
/// `q = 0` contributes 0, also against -inf and to the gradient with respect to the targets; another `q` against -inf gives +inf, and
/// `q < 0` NaN.
///
/// # Errors
/// [`Error::Length`] if the shapes differ.
pub fn kl_div(input: &Logits<'_>, targets: &Logits<'_>, log_target: bool, options: &ElementLoss) -> Result<ElementLossResult<f64>> {
    pairwise(input, targets, options, |x, target| {
        if !log_target {
            let (q, gap) = (target, target.ln() - x);
            let term = |value: f64| if q == 0.0 { 0.0 } else { value };
            return Element { loss: term(q * gap), gradient: -q, target_gradient: term(gap + 1.0) };
        }
        let (q, gap) = (target.exp(), target - x);
        match (target, x) {
            (f64::NEG_INFINITY, _) => Element { loss: 0.0, gradient: 0.0, target_gradient: 0.0 },
            // Also where `q` is too small for a number of its own.
            (_, f64::NEG_INFINITY) => Element { loss: gap, gradient: -q, target_gradient: gap },
            _ => Element { loss: q * gap, gradient: -q, target_gradient: q * (gap + 1.0) },
        }
    })
}

/// Entropy of each element, `-p log p`, and its gradient, `-g (log p + 1)`. `p = 0` contributes 0 and has gradient +inf; `p < 0` gives
/// NaN.
///
/// # Errors
/// [`Error::Options`] for a gradient with respect to targets, of which there are none.
pub fn entropy(probabilities: &Logits<'_>, options: &ElementLoss) -> Result<ElementLossResult<f64>> {
    if options.target_gradient {
        return Err(Error::Options("entropy has no targets, and no gradient with respect to them".into()));
    }
    pairwise(probabilities, probabilities, options, |p, _| {
        let log = p.ln();
        Element { loss: if p == 0.0 { 0.0 } else { -p * log }, gradient: -(log + 1.0), target_gradient: f64::NAN }
    })
}

/// Cross-entropy of each element of a prediction `q` relative to `p`, `-p log q`. The gradient is with respect to `q`, `-g p / q`, the
/// one with respect to the targets to `p`, `-g log q`. `p = 0` contributes 0 and has gradient 0 whatever `q` is; another `p` against
/// `q = 0` gives +inf.
///
/// # Errors
/// [`Error::Length`] if the shapes differ.
pub fn distribution_cross_entropy(p: &Logits<'_>, q: &Logits<'_>, options: &ElementLoss) -> Result<ElementLossResult<f64>> {
    pairwise(p, q, options, |p, q| {
        let term = |value: f64| if p == 0.0 { 0.0 } else { value };
        let surprise = if q == 0.0 { term(f64::INFINITY) } else { -q.ln() };
        Element { loss: term(-p * q.ln()), gradient: term(-p / q), target_gradient: surprise }
    })
}

fn pairwise(a: &Logits<'_>, b: &Logits<'_>, options: &ElementLoss, f: impl Fn(f64, f64) -> Element) -> Result<ElementLossResult<f64>> {
    a.check_same_shape("targets", b)?;
    let of_row = |r: usize| a.row(r).zip(b.row(r)).map(|(a, b)| f(a, b)).collect();
    reduce(a, options, (0..a.rows()).map(of_row))
}
