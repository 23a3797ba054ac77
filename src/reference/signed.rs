//! The logarithm of a sum whose terms have factors, of either sign.

use super::row::{Row, rows_of, sum_but};
use super::shape::dense;
use crate::factor::check_len;
use crate::{LogitTransform, Logits, Result};

/// `log |Σ_c b_c exp(z_c)|` of each row, in nats, and the sign of the sum: 1, -1, or 0 where the sum is 0 and its logarithm -inf.
/// Returns `rows` values of each. `b` has the shape of the logits.
///
/// A term with `b = 0` contributes 0 whatever `z` is, NaN too. NaN in another, or in `b`, makes both results NaN, and so does +inf
/// with both signs; with one sign the result is +inf of that sign.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) if the shapes differ, or if the transform does not fit the logits.
pub fn signed_logsumexp(logits: &Logits<'_>, b: &Logits<'_>, transform: &LogitTransform<'_>) -> Result<(Vec<f64>, Vec<f64>)> {
    logits.check_same_shape("b", b)?;
    transform.check(logits.rows(), logits.classes())?;
    Ok(rows_of(logits, transform).enumerate().map(|(r, row)| signed_sum(&row, &b.row(r).collect::<Vec<_>>())).unzip())
}

/// Gradient of [`signed_logsumexp`] with respect to the logits before the transform: `g_r b_c sign_r exp(z_c - lse_r) dz/dx`. Returns
/// `rows * classes` values in the logits' shape.
///
/// `logsumexp` and `sign` are what the forward pass returned, `upstream` is `g`, one of each a row. Plain arithmetic, except that it
/// is exactly 0 where `b = 0` and for classes that do not take part. The gradient with respect to `b` is this one's
/// `g_r sign_r exp(z_c - lse_r)`.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) if the shapes differ, or if the transform does not fit the logits.
pub fn signed_logsumexp_backward(
    logits: &Logits<'_>,
    b: &Logits<'_>,
    logsumexp: &[f32],
    sign: &[f32],
    upstream: &[f32],
    transform: &LogitTransform<'_>,
) -> Result<Vec<f64>> {
    logits.check_same_shape("b", b)?;
    for (what, values) in [("logsumexp", logsumexp), ("sign", sign), ("upstream", upstream)] {
        check_len(what, values.len(), logits.rows())?;
    }
    transform.check(logits.rows(), logits.classes())?;
    let of_row = rows_of(logits, transform).enumerate().map(|(r, row)| {
        let (lse, factor) = (f64::from(logsumexp[r]), f64::from(upstream[r]) * f64::from(sign[r]));
        let of_class = |(c, b): (usize, f64)| {
            if b == 0.0 || !row.takes_part[c] { 0.0 } else { factor * b * (row.z[c] - lse).exp() * row.slope[c] }
        };
        b.row(r).enumerate().map(of_class).collect()
    });
    Ok(dense(logits, of_row))
}

/// The logarithm of the sum's size, and its sign.
fn signed_sum(row: &Row, b: &[f64]) -> (f64, f64) {
    let terms: Vec<(f64, f64)> = row
        .z
        .iter()
        .zip(b)
        .zip(&row.takes_part)
        .filter(|((_, b), takes_part)| **takes_part && **b != 0.0)
        .map(|((&z, &b), _)| (z, b))
        .collect();
    // The logarithm of each term's size: NaN with NaN, and for an infinite factor of exp(-inf).
    let sizes: Vec<f64> = terms.iter().map(|(z, b)| z + b.abs().ln()).collect();
    let Some(at) = (0..terms.len()).reduce(|best, i| if sizes[i] > sizes[best] { i } else { best }) else {
        return (f64::NEG_INFINITY, 0.0);
    };
    if sizes.iter().any(|size| size.is_nan()) {
        return (f64::NAN, f64::NAN);
    }
    let sign = terms[at].1.signum();
    if sizes[at] == f64::NEG_INFINITY {
        return (f64::NEG_INFINITY, 0.0);
    }
    if sizes[at] == f64::INFINITY {
        let has_other_sign = (0..terms.len()).any(|i| sizes[i] == f64::INFINITY && terms[i].1.signum() != sign);
        return if has_other_sign { (f64::NAN, f64::NAN) } else { (f64::INFINITY, sign) };
    }
    // Relative to the largest term: the sum is 1 + rest, and a rest of -1 leaves exactly nothing.
    let (z, of_largest) = terms[at];
    let relative: Vec<f64> = terms.iter().map(|(other, b)| b / of_largest * (other - z).exp()).collect();
    let rest = sum_but(at, &relative);
    let log = if rest.abs() < 0.5 { rest.ln_1p() } else { (1.0 + rest).abs().ln() };
    let sign = if 1.0 + rest == 0.0 { 0.0 } else { sign * (1.0 + rest).signum() };
    (sizes[at] + log, sign)
}
