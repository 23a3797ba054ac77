//! Where results go.

use crate::{Logits, Result};

/// The rows' values, one vector of `classes` a row, in the logits' own shape, without padding.
pub(super) fn dense(logits: &Logits<'_>, rows: impl Iterator<Item = Vec<f64>>) -> Vec<f64> {
    let (classes, inner) = (logits.classes(), logits.inner());
    let mut values = vec![0.0; logits.rows() * classes];
    for (r, row) in rows.enumerate() {
        let first = r / inner * classes * inner + r % inner;
        for (c, value) in row.into_iter().enumerate() {
            values[first + c * inner] = value;
        }
    }
    values
}

/// One value from each two elements in the same place, in the shape of the first.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) if the shapes differ.
pub(super) fn zip_elements(what: &'static str, a: &Logits<'_>, b: &Logits<'_>, f: impl Fn(f64, f64) -> f64) -> Result<Vec<f64>> {
    a.check_same_shape(what, b)?;
    Ok(dense(a, (0..a.rows()).map(|r| a.row(r).zip(b.row(r)).map(|(a, b)| f(a, b)).collect())))
}
