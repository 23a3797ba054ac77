//! All results of a cross-entropy against the reference's.

use wgpu_xent::CrossEntropyResult;

use crate::bounds::{DOCUMENTED, Each};
use crate::compare::{Bound, TINY, compare};

/// `Err` says what differs.
type Result = std::result::Result<(), String>;

/// What each result may be off by.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the results of a loss, by their names there")]
pub struct Bounds {
    pub row_loss: Each,
    pub loss: Bound,
    pub logsumexp: Each,
    pub log_prob: Each,
    pub entropy: Each,
    pub row_z_loss: Each,
    pub z_loss: Bound,
    pub gradient: Each,
    pub target_gradient: Each,
    pub denominator: Bound,
}

impl Bounds {
    /// For logits of a few units and coefficients of about 1, without a transform.
    pub const PLAIN: Self = {
        let relative = 2.0 * DOCUMENTED;
        let loss = Bound { relative, absolute: TINY };
        let value = Bound { relative, absolute: relative };
        let gradient = Bound { relative, absolute: relative };
        Self {
            row_loss: Each::All(loss),
            loss,
            logsumexp: Each::All(value),
            log_prob: Each::All(loss),
            entropy: Each::All(value),
            row_z_loss: Each::All(value),
            z_loss: value,
            gradient: Each::All(gradient),
            target_gradient: Each::All(gradient),
            denominator: loss,
        }
    };
}

/// A result is there if it is expected, and as expected.
///
/// # Errors
/// Says what differs.
pub fn close(what: &str, got: Option<&Vec<f32>>, expected: Option<&Vec<f64>>, bounds: &Each) -> Result {
    match (got, expected) {
        (None, None) => Ok(()),
        (Some(got), Some(expected)) => compare(got, expected, |i| bounds.get(i)).map(drop).map_err(|e| format!("{what}: {e}")),
        _ => Err(format!("{what} is there and is not")),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, expected: T) -> Result {
    if got == expected { Ok(()) } else { Err(format!("{what}: {got:?}, expected {expected:?}")) }
}

/// All numbers, and which rows are valid and which at fault.
///
/// # Errors
/// Says what differs.
pub fn compare_numbers(got: &CrossEntropyResult, expected: &CrossEntropyResult<f64>, bounds: &Bounds) -> Result {
    let one = |what: &str, got: Option<f32>, expected: Option<f64>, bound: Bound| {
        close(what, got.map(|value| vec![value]).as_ref(), expected.map(|value| vec![value]).as_ref(), &Each::All(bound))
    };
    close("row_loss", got.row_loss.as_ref(), expected.row_loss.as_ref(), &bounds.row_loss)?;
    one("loss", got.loss, expected.loss, bounds.loss)?;
    close("logsumexp", got.logsumexp.as_ref(), expected.logsumexp.as_ref(), &bounds.logsumexp)?;
    close("log_prob", got.log_prob.as_ref(), expected.log_prob.as_ref(), &bounds.log_prob)?;
    close("entropy", got.entropy.as_ref(), expected.entropy.as_ref(), &bounds.entropy)?;
    close("row_z_loss", got.row_z_loss.as_ref(), expected.row_z_loss.as_ref(), &bounds.row_z_loss)?;
    one("z_loss", got.z_loss, expected.z_loss, bounds.z_loss)?;
    close("gradient", got.gradient.as_ref(), expected.gradient.as_ref(), &bounds.gradient)?;
    close("target_gradient", got.target_gradient.as_ref(), expected.target_gradient.as_ref(), &bounds.target_gradient)?;
    one("denominator", Some(got.denominator), Some(expected.denominator), bounds.denominator)?;
    same("valid rows", got.valid_rows, expected.valid_rows)?;
    same("faults", got.faults, expected.faults)
}

fn compare_classes(got: &CrossEntropyResult, expected: &CrossEntropyResult<f64>) -> Result {
    same("argmax", &got.argmax, &expected.argmax)?;
    same("rank", &got.rank, &expected.rank)?;
    same("correct", got.correct, expected.correct)?;
    same("correct_top_k", got.correct_top_k, expected.correct_top_k)
}

/// Everything is as expected, classes exactly.
///
/// # Errors
/// Says what differs.
pub fn compare_results(got: &CrossEntropyResult, expected: &CrossEntropyResult<f64>, bounds: &Bounds) -> Result {
    compare_numbers(got, expected, bounds)?;
    compare_classes(got, expected)
}

/// [`compare_results`], or a panic that says where.
///
/// # Panics
/// If something differs.
#[track_caller]
pub fn assert_results(what: &str, got: &CrossEntropyResult, expected: &CrossEntropyResult<f64>, bounds: &Bounds) {
    if let Err(message) = compare_results(got, expected, bounds) {
        panic!("{what}: {message}");
    }
}
