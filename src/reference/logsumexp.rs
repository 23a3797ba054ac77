//! Log-sum-exp and its gradient.

use super::row::{RowKind, rows_of};
use super::shape::dense;
use crate::factor::check_len;
use crate::{Error, LogitTransform, Logits, Result};

/// Log-sum-exp of each row: `log Σ_c exp(x_c)`. Returns `rows` values in nats.
///
/// -inf for a row of only -inf, +inf for a row that holds +inf, NaN for a row that holds NaN.
#[must_use]
pub fn logsumexp(logits: &Logits<'_>) -> Vec<f64> {
    rows_of(logits, &LogitTransform::new()).map(|row| row.logsumexp()).collect()
}

/// [`logsumexp`] of the transformed logits; -inf where no class takes part.
///
/// # Errors
/// If the transform does not fit the logits.
pub fn logsumexp_with(logits: &Logits<'_>, transform: &LogitTransform<'_>) -> Result<Vec<f64>> {
    transform.check(logits.rows(), logits.classes())?;
    Ok(rows_of(logits, transform).map(|row| row.logsumexp()).collect())
}

/// Gradient of log-sum-exp: `g_r exp(x_c - lse_r)`. Returns `rows * classes` derivatives with respect to the logits, in their shape.
///
/// `logsumexp` is what the forward pass returned, one value in nats a row; `upstream` is `g`, one factor a row. A logit of
/// -inf beside finite ones has gradient `0 * g`. A row of only -inf, or that holds NaN, is all NaN; one that holds +inf is
/// NaN where the +inf are and `0 * g` elsewhere.
///
/// # Errors
/// [`Error::Length`] if `logsumexp` or `upstream` does not hold one value for each row.
pub fn logsumexp_backward(logits: &Logits<'_>, logsumexp: &[f32], upstream: &[f32]) -> Result<Vec<f64>> {
    logsumexp_backward_with(logits, logsumexp, upstream, &LogitTransform::new())
}

/// [`logsumexp_backward`] with respect to the logits before the transform: `g_r exp(z_c - lse_r) dz/dx`, exactly 0 for classes that
/// do not take part.
///
/// # Errors
/// As [`logsumexp_backward`], and if the transform does not fit the logits.
pub fn logsumexp_backward_with(
    logits: &Logits<'_>,
    logsumexp: &[f32],
    upstream: &[f32],
    transform: &LogitTransform<'_>,
) -> Result<Vec<f64>> {
    check_len("logsumexp", logsumexp.len(), logits.rows())?;
    check_len("upstream", upstream.len(), logits.rows())?;
    transform.check(logits.rows(), logits.classes())?;
    let of_row = rows_of(logits, transform).zip(logsumexp.iter().zip(upstream)).map(|(row, (&lse, &g))| {
        let (lse, g) = (f64::from(lse), f64::from(g));
        let of_class = |c: usize| match row.kind {
            _ if !row.takes_part[c] => 0.0,
            RowKind::Regular { .. } => g * (row.z[c] - lse).exp() * row.slope[c],
            RowKind::PosInf(_) if row.z[c] < f64::INFINITY => g * 0.0,
            _ => f64::NAN,
        };
        (0..row.z.len()).map(of_class).collect()
    });
    Ok(dense(logits, of_row))
}

/// Log-sum-exp over some dimensions of an array. Returns, in nats, as many values as the other dimensions have indices, in their
/// order. `dims` is a set: its order does not matter, and negative dimensions count from the end.
///
/// # Errors
/// [`Error::Length`] if the length is not the shape's, [`Error::Dimension`] if there is no such dimension, [`Error::Options`] if one
/// is named twice or none is, [`Error::NoClasses`] for results that are sums of nothing.
pub fn logsumexp_over(data: &[f32], shape: &[usize], dims: &[isize]) -> Result<Vec<f64>> {
    check_len("data", data.len(), shape.iter().fold(1, |product, &size| size.saturating_mul(product)))?;
    if dims.is_empty() {
        return Err(Error::Options("no dimension is named to sum over".into()));
    }
    let mut is_summed = vec![false; shape.len()];
    for &dim in dims {
        let at = if dim < 0 { shape.len().checked_sub(dim.unsigned_abs()) } else { Some(dim.unsigned_abs()) };
        let at = at.filter(|&at| at < shape.len()).ok_or(Error::Dimension { dim, dims: shape.len() })?;
        if std::mem::replace(&mut is_summed[at], true) {
            return Err(Error::Options(format!("dimension {dim} is named twice")));
        }
    }
    if data.is_empty() {
        // The sizes beside one of 0 may be such that no memory holds as many places.
        let product = |summed: bool| {
            let sizes = shape.iter().zip(&is_summed).filter(|&(_, &is_summed)| is_summed == summed);
            sizes.fold(1_usize, |product, (&size, _)| product.saturating_mul(size))
        };
        return Ok(logsumexp(&Logits::new(data, product(false), product(true))?));
    }
    let (starts, offsets) = (places(shape, &is_summed, false), places(shape, &is_summed, true));
    let gathered: Vec<f32> = starts.iter().flat_map(|start| offsets.iter().map(move |offset| data[start + offset])).collect();
    Ok(logsumexp(&Logits::new(&gathered, starts.len(), offsets.len())?))
}

/// Where the elements are that have index 0 in every dimension that is not one of the summed (or of the others), in order.
fn places(shape: &[usize], is_summed: &[bool], summed: bool) -> Vec<usize> {
    let mut places = vec![0];
    for (dim, &size) in shape.iter().enumerate().filter(|(dim, _)| is_summed[*dim] == summed) {
        let stride: usize = shape[dim + 1..].iter().product();
        places = places.iter().flat_map(|place| (0..size).map(move |i| place + i * stride)).collect();
    }
    places
}
