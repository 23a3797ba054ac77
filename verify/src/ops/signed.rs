//! Log-sum-exp with factors of either sign.

use wgpu_xent::{Gpu, reference};

use super::options::{Moved, Rounding};
use super::softmax::elements;
use crate::bounds::{DOCUMENTED, Each, ROUNDED, of_element};
use crate::case::{Case, Expected, Input, Place, wide};
use crate::compare::{Bound, TINY};
use crate::data::Random;
use crate::matrix::Matrix;

/// Factors of both signs, of several sizes, some of them 0.
fn factors(input: &Input) -> Vec<f32> {
    let mut random = Random::new(input.seed() + 6);
    let mut factor = || if random.below(5) == 0 { 0.0 } else { (random.normal() * 2.0_f64.powi(random.below(9) as i32 - 4)) as f32 };
    (0..input.rows() * input.shape.classes).map(|_| factor()).collect()
}

/// The logarithm of the sum of the sizes above that of the size of the sum: what cancels costs digits.
fn conditions(input: &Input, logits: &Matrix, b: &Matrix, moved: &Moved, lse: &[f64]) -> Vec<f64> {
    let view = b.view();
    let sizes: Vec<f32> = (0..view.rows()).flat_map(|row| view.row(row).map(|b| b.abs() as f32)).collect();
    let (whole, _) = reference::signed_logsumexp(&logits.view(), &input.matrix(&sizes).view(), &moved.transform()).expect("one shape");
    let condition = |(whole, rest): (f64, &f64)| (whole - rest).exp();
    whole.into_iter().zip(lse).map(condition).map(|c| if c.is_finite() { c.max(1.0) } else { 1.0 }).collect()
}

pub(super) fn plain(input: &Input) -> Case {
    case(input, Moved::identity(input))
}

pub(super) fn scaled(input: &Input) -> Case {
    case(input, Moved::scales(input))
}

fn case(input: &Input, moved: Moved) -> Case {
    let (logits, b) = (input.logits(), input.matrix(&factors(input)));
    let (lse, sign) = reference::signed_logsumexp(&logits.view(), &b.view(), &moved.transform()).expect("one shape");
    let conditions = conditions(input, &logits, &b, &moved, &lse);
    let rounding = Rounding::new(&logits, &moved);
    let bound = |row: usize| Bound { relative: ROUNDED.relative, absolute: conditions[row] * (DOCUMENTED + rounding.of(row)) };
    let bounds = Each::Of((0..lse.len()).map(bound).collect());
    let expected = vec![
        Expected { result: "logarithm", values: lse, bounds, place: Place::Rows },
        Expected { result: "sign", values: sign, bounds: Each::All(Bound::EXACT), place: Place::Rows },
    ];
    let run = move |gpu: &Gpu| {
        let (lse, sign) = gpu.signed_logsumexp(&logits.view(), &b.view(), &moved.transform())?;
        Ok(vec![wide(lse), wide(sign)])
    };
    Case { expected, run: Box::new(run) }
}

pub(super) fn backward(input: &Input) -> Case {
    let (logits, b) = (input.logits(), input.matrix(&factors(input)));
    let moved = Moved::identity(input);
    let (lse, sign) = reference::signed_logsumexp(&logits.view(), &b.view(), &moved.transform()).expect("one shape");
    let [lse, sign] = [lse, sign].map(|values| values.iter().map(|&value| value as f32).collect::<Vec<f32>>());
    let upstream: Vec<f32> = (0..input.rows()).map(|row| (row % 11) as f32 * 0.5 - 1.5).collect();
    let values = reference::signed_logsumexp_backward(&logits.view(), &b.view(), &lse, &sign, &upstream, &moved.transform());
    let views: Vec<(Vec<f64>, Vec<f64>)> =
        (0..input.rows()).map(|row| (logits.view().row(row).collect(), b.view().row(row).collect())).collect();
    let (sums, factors) = (lse.clone(), upstream.clone());
    elements(
        input,
        values.expect("one shape"),
        |row, class, _| {
            let below = views[row].0[class] - f64::from(sums[row]);
            let size = (views[row].1[class] * f64::from(factors[row])).abs();
            Bound { absolute: TINY * size.max(1.0), ..of_element(if below.is_finite() { below } else { 0.0 }) }
        },
        Box::new(move |gpu| {
            Ok(vec![wide(gpu.signed_logsumexp_backward(&logits.view(), &b.view(), &lse, &sign, &upstream, &moved.transform())?)])
        }),
    )
}
