//! All results of a cross-entropy against the reference's.

use crate::common::{Bound, TINY, compare};
use wgpu_xent::CrossEntropyResult;

/// What each kind of result may be off by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) loss: Bound,
    /// Log-sum-exp and, times 40, the entropy.
    pub(crate) value: Bound,
    pub(crate) gradient: Bound,
    /// Whether `z` is the logit itself. A rounded one may tie with another, or come before it: then argmax and rank are not compared.
    pub(crate) exact: bool,
}

impl Bounds {
    /// For logits of a few units and coefficients of about 1, without a transform.
    pub(crate) const PLAIN: Self = Self {
        loss: Bound { relative: 2e-6, absolute: TINY },
        value: Bound { relative: 2e-6, absolute: 2e-6 },
        gradient: Bound { relative: 1e-5, absolute: 2e-6 },
        exact: true,
    };
}

pub(crate) fn close(what: &str, got: Option<&Vec<f32>>, expected: Option<&Vec<f64>>, bound: Bound) -> Result<(), String> {
    match (got, expected) {
        (None, None) => Ok(()),
        (Some(got), Some(expected)) => compare(got, expected, |_| bound).map(drop).map_err(|e| format!("{what}: {e}")),
        _ => Err(format!("{what} is there and is not")),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, expected: T) -> Result<(), String> {
    if got == expected { Ok(()) } else { Err(format!("{what}: {got:?}, expected {expected:?}")) }
}

pub(crate) fn compare_results(got: &CrossEntropyResult, expected: &CrossEntropyResult<f64>, bounds: &Bounds) -> Result<(), String> {
    let Bounds { loss, value, gradient, exact } = *bounds;
    let one = |loss: Option<f32>| loss.map(|l| vec![l]);
    let one64 = |loss: Option<f64>| loss.map(|l| vec![l]);
    let z_loss = Bound { relative: 1e-5, absolute: 1e-6 };
    close("row_loss", got.row_loss.as_ref(), expected.row_loss.as_ref(), loss)?;
    close("loss", one(got.loss).as_ref(), one64(expected.loss).as_ref(), loss)?;
    close("logsumexp", got.logsumexp.as_ref(), expected.logsumexp.as_ref(), value)?;
    close("log_prob", got.log_prob.as_ref(), expected.log_prob.as_ref(), loss)?;
    close("entropy", got.entropy.as_ref(), expected.entropy.as_ref(), Bound { absolute: 40.0 * value.absolute, ..value })?;
    close("row_z_loss", got.row_z_loss.as_ref(), expected.row_z_loss.as_ref(), z_loss)?;
    close("z_loss", one(got.z_loss).as_ref(), one64(expected.z_loss).as_ref(), z_loss)?;
    close("gradient", got.gradient.as_ref(), expected.gradient.as_ref(), gradient)?;
    close("target_gradient", got.target_gradient.as_ref(), expected.target_gradient.as_ref(), gradient)?;
    close("denominator", Some(&vec![got.denominator]), Some(&vec![expected.denominator]), Bound { relative: 1e-6, absolute: TINY })?;
    if exact {
        same("argmax", &got.argmax, &expected.argmax)?;
        same("rank", &got.rank, &expected.rank)?;
        same("correct", got.correct, expected.correct)?;
        same("correct_top_k", got.correct_top_k, expected.correct_top_k)?;
    }
    same("valid rows", got.valid_rows, expected.valid_rows)?;
    same("faults", got.faults, expected.faults)
}

/// [`compare_results`], or a panic that says where.
#[track_caller]
pub(crate) fn assert_results(what: &str, got: &CrossEntropyResult, expected: &CrossEntropyResult<f64>, bounds: &Bounds) {
    if let Err(message) = compare_results(got, expected, bounds) {
        panic!("{what}: {message}");
    }
}
