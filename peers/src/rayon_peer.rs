//! The loop over rows that a Rust programmer writes: subtract the maximum, in f32, a row a task of rayon.

use rayon::prelude::*;

use crate::data::Data;
use crate::peer::{Op, Ran, Variant, timed};

/// Its name in results.
pub(crate) const NAME: &str = "rayon loop";

/// Everything that is measured.
pub(crate) fn variants(data: &Data) -> Vec<Variant<'_>> {
    let threads = rayon::current_num_threads();
    let mut result = vec![0.0_f32; data.values.len()];
    let mut gradient = vec![0.0_f32; data.values.len()];
    let plan = |outputs: &str| format!("CPU, {threads} threads{outputs}");
    vec![
        Variant::new(NAME, Op::Loss, plan(""), |_| {
            let (ms, loss) = timed(|| loss(data));
            Ran { ms, loss: Some(loss), elements: None }
        }),
        Variant::new(NAME, Op::LossAndGradient, plan(", reused outputs"), move |fetch| {
            let (ms, loss) = timed(|| loss_and_gradient(data, &mut gradient));
            Ran { ms, loss: Some(loss), elements: fetch.then(|| gradient.clone()) }
        }),
        Variant::new(NAME, Op::Softmax, plan(", reused outputs"), move |fetch| {
            let (ms, ()) = timed(|| softmax(data, &mut result));
            Ran { ms, loss: None, elements: fetch.then(|| result.clone()) }
        }),
    ]
}

fn largest(row: &[f32]) -> f32 {
    row.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

fn loss(data: &Data) -> f64 {
    let rows = data.values.par_chunks(data.classes).zip(&data.targets);
    let sum: f64 = rows
        .map(|(row, &target)| {
            let largest = largest(row);
            let sum: f32 = row.iter().map(|x| (x - largest).exp()).sum();
            f64::from(largest + sum.ln() - row[target as usize])
        })
        .sum();
    sum / data.rows as f64
}

/// Writes `exp(x - max)` of a row and returns the maximum and the sum.
fn exponentials(row: &[f32], result: &mut [f32]) -> (f32, f32) {
    let largest = largest(row);
    let mut sum = 0.0;
    for (e, x) in result.iter_mut().zip(row) {
        *e = (x - largest).exp();
        sum += *e;
    }
    (largest, sum)
}

fn loss_and_gradient(data: &Data, gradient: &mut [f32]) -> f64 {
    let rows = data.values.par_chunks(data.classes).zip(&data.targets).zip(gradient.par_chunks_mut(data.classes));
    let sum: f64 = rows
        .map(|((row, &target), gradient)| {
            let (largest, sum) = exponentials(row, gradient);
            let factor = 1.0 / (sum * data.rows as f32);
            gradient.iter_mut().for_each(|g| *g *= factor);
            gradient[target as usize] -= 1.0 / data.rows as f32;
            f64::from(largest + sum.ln() - row[target as usize])
        })
        .sum();
    sum / data.rows as f64
}

fn softmax(data: &Data, result: &mut [f32]) {
    data.values.par_chunks(data.classes).zip(result.par_chunks_mut(data.classes)).for_each(|(row, result)| {
        let (_, sum) = exponentials(row, result);
        result.iter_mut().for_each(|p| *p /= sum);
    });
}
