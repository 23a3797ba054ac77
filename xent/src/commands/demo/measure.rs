//! A data set's numbers: the losses, their differences from the reference, and the times.

use std::time::{Duration, Instant};

use wgpu_xent::{CrossEntropy, Reduction, reference};

use super::data::DataSet;
use crate::engine::{Engine, Losses};
use crate::failure::Result;

/// Runs that are timed, and the time after which there are enough of them.
const RUNS: usize = 10;
const ENOUGH: Duration = Duration::from_millis(500);

/// Losses are in nats.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) loss: f64,
    pub(super) reference: f64,
    pub(super) correct: usize,
    /// The largest relative difference of a row's loss.
    pub(super) row_difference: f64,
    /// The largest difference of an element of the gradient of the sum.
    pub(super) gradient_difference: f64,
    /// Seconds for the loss, from slices to results.
    pub(super) loss_time: f64,
    /// The same with the gradient.
    pub(super) gradient_time: f64,
    pub(super) row_losses: Vec<f64>,
}

impl Measured {
    pub(super) fn new(engine: &Engine, set: &DataSet) -> Result<Self> {
        let mean = CrossEntropy::new().row_loss(true).argmax(true);
        let sum = CrossEntropy::new().reduction(Reduction::Sum).gradient(true);
        let losses = run(engine, set, &mean)?;
        let expected = reference::cross_entropy(&set.logits()?, &set.targets(), &mean)?;
        let gradient = run(engine, set, &sum)?.gradient;
        let expected_gradient = reference::cross_entropy(&set.logits()?, &set.targets(), &sum)?.gradient.unwrap_or_default();
        Ok(Self {
            loss: losses.reduced.unwrap_or(f64::NAN),
            reference: expected.loss.unwrap_or(f64::NAN),
            correct: losses.correct.unwrap_or_default(),
            row_difference: largest(losses.rows.iter().zip(expected.row_loss.unwrap_or_default()).map(|(a, b)| relative(*a, b))),
            gradient_difference: largest(gradient.iter().zip(expected_gradient).map(|(a, b)| (f64::from(*a) - b).abs())),
            loss_time: best_time(|| run(engine, set, &CrossEntropy::new()))?,
            gradient_time: best_time(|| run(engine, set, &sum))?,
            row_losses: losses.rows,
        })
    }

    /// The relative difference of the mean loss from the reference's.
    pub(super) fn loss_difference(&self) -> f64 {
        relative(self.loss, self.reference)
    }
}

fn run(engine: &Engine, set: &DataSet, options: &CrossEntropy<'_>) -> Result<Losses> {
    Ok(engine.cross_entropy(&set.logits()?, &set.targets(), options)?)
}

fn relative(value: f64, expected: f64) -> f64 {
    if value == expected { 0.0 } else { ((value - expected) / expected).abs() }
}

/// The largest of some differences; NaN if one is.
fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |largest, value| if value > largest || value.is_nan() { value } else { largest })
}

/// The shortest of a few runs, after one that compiles and warms up.
fn best_time<T>(mut work: impl FnMut() -> Result<T>) -> Result<f64> {
    work()?;
    let (start, mut best) = (Instant::now(), f64::INFINITY);
    for _ in 0..RUNS {
        let begun = Instant::now();
        work()?;
        best = best.min(begun.elapsed().as_secs_f64());
        if start.elapsed() > ENOUGH {
            break;
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_that_are_no_number_are_not_lost() {
        assert_eq!(largest([0.5, 2.0, 1.0].into_iter()), 2.0);
        assert!(largest([0.5, f64::NAN, 1.0].into_iter()).is_nan());
        assert!(largest([relative(f64::NAN, 1.0)].into_iter()).is_nan());
        assert_eq!(largest([relative(0.0, 0.0), relative(1.5, 1.0)].into_iter()), 0.5);
    }
}
