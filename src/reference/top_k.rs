//! The most probable classes.

use super::row::{RowKind, as_class, rows_of};
use crate::sampling::check_k;
use crate::{LogitTransform, Logits, NO_CLASS, Result, TopK};

/// The `k` most probable classes of each row, the most probable first, of equally probable ones the first, and their
/// log-probabilities in nats: `rows * k` of each.
///
/// Only classes that take part are listed, those of -inf last. Where a row has fewer than `k`, [`NO_CLASS`] and -inf fill it up. Rows
/// that hold NaN have [`NO_CLASS`] and NaN throughout; in rows that hold +inf, or nothing above -inf, the log-probabilities of the
/// listed classes are NaN, as in [`log_softmax`](super::log_softmax).
///
/// # Errors
/// If the transform does not fit the logits; [`Error::Options`](crate::Error::Options) for a `k` above the number of classes.
pub fn top_k_log_probs(logits: &Logits<'_>, k: u32, transform: &LogitTransform<'_>) -> Result<TopK<f64>> {
    transform.check(logits.rows(), logits.classes())?;
    check_k(k, logits.classes())?;
    let k = k as usize;
    let (mut classes, mut log_probs) = (vec![], vec![]);
    for (r, row) in rows_of(logits, transform).enumerate() {
        let end = (r + 1) * k;
        if matches!(row.kind, RowKind::NaN) {
            log_probs.resize(end, f64::NAN);
        } else {
            let mut listed: Vec<usize> = (0..row.z.len()).filter(|&c| row.takes_part[c]).collect();
            // Stable: equal ones stay in order.
            listed.sort_by(|&a, &b| row.z[b].partial_cmp(&row.z[a]).expect("no NaN in this row"));
            listed.truncate(k);
            let of_class = row.log_probabilities();
            log_probs.extend(listed.iter().map(|&c| of_class[c]));
            classes.extend(listed.into_iter().map(as_class));
        }
        classes.resize(end, NO_CLASS);
        log_probs.resize(end, f64::NEG_INFINITY);
    }
    Ok(TopK { classes, log_probs })
}
