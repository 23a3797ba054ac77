//! The negative log-likelihood.

use wgpu_xent::{CrossEntropy, Gpu, Reduction, Targets, reference};

use super::loss::weights;
use crate::bounds::{DOCUMENTED, Each, TIGHT};
use crate::case::{Case, Expected, Input, Place, wide};
use crate::compare::{Bound, TINY};
use crate::matrix::Shape;

pub(super) fn plain(input: &Input) -> Case {
    case(input, input.values().1, None, None, Reduction::Mean)
}

pub(super) fn weighted(input: &Input) -> Case {
    let mut targets = input.values().1;
    targets.iter_mut().skip(3).step_by(5).for_each(|target| *target = -100);
    let (classes, rows) = (weights(input.shape.classes, input.seed() + 4), weights(input.rows(), input.seed() + 5));
    case(input, targets, Some(classes), Some(rows), Reduction::Sum)
}

fn case(input: &Input, targets: Vec<i64>, classes: Option<Vec<f32>>, rows: Option<Vec<f32>>, reduction: Reduction) -> Case {
    // Logarithms of probabilities are never above 0.
    // A quarter, so that no product of one with its weights overflows halfway.
    let values: Vec<f32> = input.values().0.iter().map(|x| -0.25 * x.abs()).collect();
    let log_probs = input.matrix(&values);
    let run = move |gpu: Option<&Gpu>| {
        let options = CrossEntropy::new().reduction(reduction).row_loss(true).gradient(true);
        let options = options.class_weights(classes.as_deref()).row_weights(rows.as_deref());
        let (view, targets) = (log_probs.view(), Targets::new(&targets));
        match gpu {
            Some(gpu) => {
                let got = gpu.nll_loss(&view, &targets, &options)?;
                Ok([
                    wide(got.loss),
                    wide(got.row_loss.unwrap_or_default()),
                    wide(got.gradient.unwrap_or_default()),
                    wide([got.denominator]),
                ])
            }
            None => {
                let got = reference::nll_loss(&view, &targets, &options)?;
                Ok([
                    got.loss.into_iter().collect(),
                    got.row_loss.unwrap_or_default(),
                    got.gradient.unwrap_or_default(),
                    vec![got.denominator],
                ])
            }
        }
    };
    let expected: wgpu_xent::Result<[Vec<f64>; 4]> = run(None);
    let [loss, row_loss, gradient, denominator] = expected.expect("options that fit");
    let terms: f64 = row_loss.iter().filter(|loss| loss.is_finite()).map(|loss| loss.abs()).sum();
    let divisor = if reduction == Reduction::Mean { denominator[0].abs() } else { 1.0 };
    // The mean divides the sum, which may be beyond f32.
    let sum: f64 = row_loss.iter().sum();
    let beyond = sum.is_finite() && sum.abs() > f64::from(f32::MAX);
    let loss = if beyond { vec![sum.signum() * f64::INFINITY] } else { loss };
    let shape = Shape { padding: 0, ..input.shape };
    let all = [
        ("loss", loss, Bound::absolute(DOCUMENTED * terms / divisor + TINY), Place::Call),
        ("row loss", row_loss, TIGHT, Place::Rows),
        ("gradient", gradient, TIGHT, Place::Elements(shape)),
        ("denominator", denominator, TIGHT, Place::Call),
    ];
    let expected = all.map(|(result, values, bound, place)| Expected { result, values, bounds: Each::All(bound), place });
    Case { expected: expected.into(), run: Box::new(move |gpu| Ok(run(Some(gpu))?.into())) }
}
