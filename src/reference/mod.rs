//! Every operation and every gradient again, on the CPU in `f64`: what the kernels are tested against.
//!
//! Written for clarity, straight from the formulas: each row is read into memory, its maximum found, then everything
//! summed around that maximum. Nothing here is shared with the kernels. Results are dense: row `r`, class `c` is element
//! `r * classes + c`, whatever the stride of the input. Losses and log-sum-exps are in nats.
//!
//! Where a textbook formula cancels, the other one is used, so that the results keep their *relative* accuracy when one
//! class dominates: sums leave out the term that is 1, and `p - 1` of the true class is the negated sum of the others.
//!
//! # Special rows
//!
//! | the row holds | softmax, log-softmax | logsumexp | its gradient | loss and its gradient | argmax |
//! |---|---|---|---|---|---|
//! | some -inf | 0, -inf there | finite | 0 there | see below | as usual |
//! | only -inf | NaN | -inf | NaN | NaN | 0 |
//! | +inf, no NaN | NaN | +inf | NaN at +inf, `0 * upstream` elsewhere | NaN | the first +inf |
//! | NaN | NaN | NaN | NaN | NaN | [`NO_CLASS`](crate::NO_CLASS) |
//!
//! "NaN" stands for the whole row, and stays NaN when the upstream factor is 0. A logit of -inf beside finite ones has
//! probability 0 and gradient 0; if it is the target's, the loss is +inf and the gradient is still finite, -1 for the
//! target. An ignored row has loss 0 and gradient exactly 0 whatever it holds and whatever the upstream factor; its
//! logsumexp and argmax are those of any other row. An infinite or NaN upstream factor follows plain arithmetic
//! (`0 * inf` is NaN) in every row that is not ignored.
//!
//! ```
//! use wgpu_xent::{CrossEntropy, Logits, Targets, reference};
//! let logits = [20.0_f32, 0.0, 0.0, 0.0];
//! let out = reference::cross_entropy(&Logits::new(&logits, 2, 2)?, &Targets::new(&[0, 1]), &CrossEntropy::new().row_loss(true))?;
//! assert_eq!(out.row_loss.unwrap(), [(-20_f64).exp().ln_1p(), 2_f64.ln()]);
//! # Ok::<(), wgpu_xent::Error>(())
//! ```

mod loss;
mod row;

use crate::{Error, Logits, Result};
use row::{RowKind, exp_from, rows_of, sum};

pub use loss::{cross_entropy, cross_entropy_backward};

/// Softmax of each row: `p_c = exp(x_c) / Σ_k exp(x_k)`. Returns `rows * classes` probabilities.
///
/// A logit of -inf has probability 0; rows of only -inf, or that hold +inf or NaN, are all NaN.
#[must_use]
pub fn softmax(logits: &Logits<'_>) -> Vec<f64> {
    rows_of(logits)
        .flat_map(|row| match row.kind {
            RowKind::Regular { max, rest, .. } => exp_from(&row.x, max).iter().map(|e| e / (1.0 + rest)).collect(),
            _ => row.all_nan(),
        })
        .collect()
}

/// Logarithm of the softmax of each row: `x_c - log Σ_k exp(x_k)`. Returns `rows * classes` values in nats.
///
/// Computed as `(x_c - max) - log(1 + rest)`, so that a dominating class keeps its relative accuracy down to the smallest
/// positive numbers. A logit of -inf gives -inf; rows of only -inf, or that hold +inf or NaN, are all NaN.
#[must_use]
pub fn log_softmax(logits: &Logits<'_>) -> Vec<f64> {
    rows_of(logits)
        .flat_map(|row| match row.kind {
            RowKind::Regular { max, rest, .. } => row.x.iter().map(|x| (x - max) - rest.ln_1p()).collect(),
            _ => row.all_nan(),
        })
        .collect()
}

/// Log-sum-exp of each row: `log Σ_c exp(x_c)`. Returns `rows` values in nats.
///
/// -inf for a row of only -inf, +inf for a row that holds +inf, NaN for a row that holds NaN.
#[must_use]
pub fn logsumexp(logits: &Logits<'_>) -> Vec<f64> {
    rows_of(logits).map(|row| row.logsumexp()).collect()
}

/// Vector-Jacobian product of softmax: `p_c (u_c - Σ_k p_k u_k)`. Returns `rows * classes` derivatives with respect to
/// the logits.
///
/// `probabilities` is what the forward pass returned (it is not normalised again), `upstream` the gradient with respect to
/// it, of the same shape. Plain arithmetic throughout: a NaN anywhere in a row makes the row NaN, and so does a
/// probability of 0 against an infinite upstream value.
///
/// # Errors
/// [`Error::Length`] if the shapes differ.
pub fn softmax_backward(probabilities: &Logits<'_>, upstream: &Logits<'_>) -> Result<Vec<f64>> {
    same_shape(probabilities, upstream)?;
    let row = |r| {
        let weighted: Vec<f64> = probabilities.row(r).zip(upstream.row(r)).map(|(p, u)| p * u).collect();
        let mean = sum(&weighted);
        probabilities.row(r).zip(upstream.row(r)).map(move |(p, u)| p * (u - mean))
    };
    Ok((0..probabilities.rows()).flat_map(row).collect())
}

/// Vector-Jacobian product of log-softmax: `u_c - exp(lp_c) Σ_k u_k`. Returns `rows * classes` derivatives with respect to
/// the logits.
///
/// `log_probabilities` is what the forward pass returned, in nats, `upstream` the gradient with respect to it, of the same
/// shape. Plain arithmetic: a log-probability of -inf passes `u_c` through, and one of NaN gives NaN in its own place.
///
/// # Errors
/// [`Error::Length`] if the shapes differ.
pub fn log_softmax_backward(log_probabilities: &Logits<'_>, upstream: &Logits<'_>) -> Result<Vec<f64>> {
    same_shape(log_probabilities, upstream)?;
    let row = |r| {
        let total = sum(&upstream.row(r).collect::<Vec<_>>());
        log_probabilities.row(r).zip(upstream.row(r)).map(move |(lp, u)| u - lp.exp() * total)
    };
    Ok((0..log_probabilities.rows()).flat_map(row).collect())
}

/// Gradient of log-sum-exp: `g_r exp(x_c - lse_r)`. Returns `rows * classes` derivatives with respect to the logits.
///
/// `logsumexp` is what the forward pass returned, one value in nats a row; `upstream` is `g`, one factor a row. A logit of
/// -inf beside finite ones has gradient `0 * g`. A row of only -inf, or that holds NaN, is all NaN; one that holds +inf is
/// NaN where the +inf are and `0 * g` elsewhere.
///
/// # Errors
/// [`Error::Length`] if `logsumexp` or `upstream` does not hold one value for each row.
pub fn logsumexp_backward(logits: &Logits<'_>, logsumexp: &[f32], upstream: &[f32]) -> Result<Vec<f64>> {
    one_a_row("logsumexp", logits, logsumexp)?;
    one_a_row("upstream", logits, upstream)?;
    let gradient = rows_of(logits).zip(logsumexp.iter().zip(upstream)).flat_map(|(row, (&lse, &g))| {
        let (lse, g) = (f64::from(lse), f64::from(g));
        let of_class = |x: &f64| match row.kind {
            RowKind::Regular { .. } => g * (x - lse).exp(),
            RowKind::PosInf(_) if *x < f64::INFINITY => g * 0.0,
            _ => f64::NAN,
        };
        row.x.iter().map(of_class).collect::<Vec<f64>>()
    });
    Ok(gradient.collect())
}

/// One value for each row.
fn one_a_row(what: &'static str, logits: &Logits<'_>, values: &[f32]) -> Result<()> {
    if values.len() == logits.rows() {
        return Ok(());
    }
    Err(Error::Length { what, expected: logits.rows(), got: values.len() })
}

fn same_shape(output: &Logits<'_>, upstream: &Logits<'_>) -> Result<()> {
    let (expected, got) = (output.rows() * output.classes(), upstream.rows() * upstream.classes());
    if got != expected {
        return Err(Error::Length { what: "upstream", expected, got });
    }
    if upstream.classes() != output.classes() {
        // As many elements in another shape.
        return Err(Error::Length { what: "a row of upstream", expected: output.classes(), got: upstream.classes() });
    }
    Ok(())
}
