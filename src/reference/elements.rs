//! Losses that are sums over elements: their reduction.

use super::row::sum;
use super::shape::dense;
use crate::{ElementLoss, ElementLossResult, ElementReduction, Logits, Result};

/// The loss of one element, and its derivatives with respect to the input and to the target.
pub(super) struct Element {
    pub(super) loss: f64,
    pub(super) gradient: f64,
    pub(super) target_gradient: f64,
}

/// The result of a loss whose elements are known, by row and class; the derivatives are multiplied with the upstream factor and
/// divided as the reduction says. A derivative that is exactly 0 stays 0 whatever the factor.
pub(super) fn reduce(
    shape: &Logits<'_>,
    options: &ElementLoss,
    rows: impl Iterator<Item = Vec<Element>>,
) -> Result<ElementLossResult<f64>> {
    options.check()?;
    let rows: Vec<Vec<Element>> = rows.collect();
    let divisor = options.divisor(shape.rows(), shape.classes());
    let factor = f64::from(options.upstream) / divisor;
    let scaled = |derivative: f64| if derivative == 0.0 { 0.0 } else { factor * derivative };
    let matrix = |value: &dyn Fn(&Element) -> f64| dense(shape, rows.iter().map(|row| row.iter().map(value).collect()));
    let row_loss: Vec<f64> = rows.iter().map(|row| sum(&row.iter().map(|e| e.loss).collect::<Vec<_>>())).collect();
    let is_reduced = options.reduction != ElementReduction::None;
    Ok(ElementLossResult {
        loss: is_reduced.then(|| sum(&row_loss) / divisor),
        elements: (!is_reduced).then(|| matrix(&|e| e.loss)),
        row_loss: options.row_loss.then_some(row_loss),
        gradient: options.gradient.then(|| matrix(&|e| scaled(e.gradient))),
        target_gradient: options.target_gradient.then(|| matrix(&|e| scaled(e.target_gradient))),
    })
}
