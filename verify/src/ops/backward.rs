//! The gradients of softmax, log-softmax and log-sum-exp.

use wgpu_xent::reference;

use super::options::{Moved, Rounding};
use super::softmax::{elements, index};
use crate::bounds::{of_element, of_terms};
use crate::case::{Case, Input, wide};
use crate::compare::{Bound, TINY};
use crate::data::{Data, make};
use crate::matrix::{Matrix, Shape};

/// What comes from above: for each element.
fn upstream(input: &Input) -> Matrix {
    input.matrix(&make(Data::Normal, input.rows(), input.shape.classes, input.seed() + 1).0)
}

/// A forward result as the next call gets it.
fn narrowed(input: &Input, dense: &[f64]) -> Matrix {
    let shape = Shape { padding: 0, ..input.shape };
    let rows = (0..shape.rows()).flat_map(|row| (0..shape.classes).map(move |class| (row, class)));
    let rows: Vec<f32> = rows.map(|(row, class)| dense[index(shape, row, class)] as f32).collect();
    input.matrix(&rows)
}

pub(super) fn softmax(input: &Input) -> Case {
    softmax_of(input, Moved::identity(input))
}

pub(super) fn softmax_scaled(input: &Input) -> Case {
    softmax_of(input, Moved::scales(input))
}

fn softmax_of(input: &Input, moved: Moved) -> Case {
    let forward = reference::softmax_with(&input.logits().view(), &moved.transform()).expect("a transform of this shape");
    let (p, u) = (narrowed(input, &forward), upstream(input));
    let values = reference::softmax_backward_with(&p.view(), &u.view(), &moved.transform()).expect("one shape");
    let (rows, upstream) = (rows_of(&p), rows_of(&u));
    let sums: Vec<f64> = rows.iter().zip(&upstream).map(|(p, u)| p.iter().zip(u).map(|(p, u)| (p * u).abs()).sum()).collect();
    let scales: Vec<f64> = (0..input.rows()).map(|row| f64::from(moved.transform().scale_of(row)).abs()).collect();
    elements(
        input,
        values,
        |row, class, _| {
            let slope = upstream[row][class].abs() + sums[row];
            let bound = of_terms(scales[row] * rows[row][class] * slope);
            // A probability that is too small to be normal may be read as 0, and so may what is to be scaled.
            Bound::absolute(bound.absolute + TINY * scales[row].max(1.0) * slope.max(1.0))
        },
        Box::new(move |gpu| {
            let got = if moved.is_identity() {
                gpu.softmax_backward(&p.view(), &u.view())?
            } else {
                gpu.softmax_backward_with(&p.view(), &u.view(), &moved.transform())?
            };
            Ok(vec![wide(got)])
        }),
    )
}

fn rows_of(matrix: &Matrix) -> Vec<Vec<f64>> {
    let view = matrix.view();
    (0..view.rows()).map(|row| view.row(row).collect()).collect()
}

pub(super) fn log_softmax(input: &Input) -> Case {
    log_softmax_of(input, Moved::identity(input))
}

pub(super) fn log_softmax_scaled(input: &Input) -> Case {
    log_softmax_of(input, Moved::scales(input))
}

fn log_softmax_of(input: &Input, moved: Moved) -> Case {
    let forward = reference::log_softmax_with(&input.logits().view(), &moved.transform()).expect("a transform of this shape");
    let (y, u) = (narrowed(input, &forward), upstream(input));
    let values = reference::log_softmax_backward_with(&y.view(), &u.view(), &moved.transform()).expect("one shape");
    let (rows, upstream) = (rows_of(&y), rows_of(&u));
    let sums: Vec<f64> = upstream.iter().map(|u| u.iter().map(|u| u.abs()).sum()).collect();
    let scales: Vec<f64> = (0..input.rows()).map(|row| f64::from(moved.transform().scale_of(row)).abs()).collect();
    elements(
        input,
        values,
        |row, class, _| {
            let p = rows[row][class].exp();
            let terms = upstream[row][class].abs() + if p > 0.0 { p * sums[row] } else { 0.0 };
            let lost = scales[row] * sums[row] * TINY;
            let bound = of_terms(scales[row] * terms);
            Bound::absolute(bound.absolute + if lost.is_finite() { lost } else { 0.0 })
        },
        Box::new(move |gpu| {
            let got = if moved.is_identity() {
                gpu.log_softmax_backward(&y.view(), &u.view())?
            } else {
                gpu.log_softmax_backward_with(&y.view(), &u.view(), &moved.transform())?
            };
            Ok(vec![wide(got)])
        }),
    )
}

pub(super) fn logsumexp(input: &Input) -> Case {
    logsumexp_of(input, Moved::identity(input))
}

pub(super) fn logsumexp_scaled(input: &Input) -> Case {
    logsumexp_of(input, Moved::scales(input))
}

fn logsumexp_of(input: &Input, moved: Moved) -> Case {
    let logits = input.logits();
    let lse = reference::logsumexp_with(&logits.view(), &moved.transform()).expect("a transform of this shape");
    let lse: Vec<f32> = lse.iter().map(|&lse| lse as f32).collect();
    let factors: Vec<f32> = (0..input.rows()).map(|row| (row % 11) as f32 * 0.5 - 1.5).collect();
    let values = reference::logsumexp_backward_with(&logits.view(), &lse, &factors, &moved.transform()).expect("one value a row");
    let rounding = Rounding::new(&logits, &moved);
    let scales: Vec<f64> = (0..input.rows()).map(|row| f64::from(moved.transform().scale_of(row)).abs()).collect();
    let sizes: Vec<f64> = (0..input.rows()).map(|row| f64::from(factors[row]).abs() * scales[row]).collect();
    // What is too small to be normal may be 0 before it is multiplied, as after.
    let largest: Vec<f64> = (0..input.rows()).map(|row| f64::from(factors[row]).abs().max(1.0) * scales[row].max(1.0)).collect();
    elements(
        input,
        values,
        |row, _, value| {
            // How far below the log-sum-exp it is says the value itself.
            let below = -(value.abs() / sizes[row]).ln();
            let bound = of_element(if below.is_finite() { below } else { 0.0 });
            Bound { relative: bound.relative + rounding.of(row), absolute: TINY * largest[row] }
        },
        Box::new(move |gpu| {
            let got = if moved.is_identity() {
                gpu.logsumexp_backward(&logits.view(), &lse, &factors)?
            } else {
                gpu.logsumexp_backward_with(&logits.view(), &lse, &factors, &moved.transform())?
            };
            Ok(vec![wide(got)])
        }),
    )
}
