//! The losses that are sums over elements, and the logistic function.

use wgpu_xent::{ElementLoss, ElementReduction, Gpu, reference};

use crate::bounds::{Each, TIGHT};
use crate::case::{Case, Expected, Input, Place, wide};
use crate::data::Data;
use crate::elements::{ElementInputs, element_results, unreduced};
use crate::matrix::Shape;

fn inputs(input: &Input) -> ElementInputs {
    match input.data {
        Data::Special => ElementInputs::special(input.shape, input.storage),
        _ => ElementInputs::new(input.shape, input.storage, input.seed()),
    }
}

/// One of [`ElementInputs::cases`].
fn case(input: &Input, which: usize, loss: ElementLoss, divisor: f64) -> Case {
    let inputs = inputs(input);
    let loss = inputs.cases()[which].all(loss);
    let reference = inputs.cases()[which].on_cpu(loss).expect("inputs of one shape");
    let results = inputs.cases()[which].bounded(reference, divisor);
    let shape = Shape { padding: 0, ..input.shape };
    let place = |name| match name {
        "loss" => Place::Call,
        "row loss" => Place::Rows,
        _ => Place::Elements(shape),
    };
    let expected = results.into_iter().map(|r| Expected { result: r.name, values: r.expected, bounds: r.bounds, place: place(r.name) });
    let expected = expected.collect();
    let run = move |gpu: &Gpu| {
        let got = element_results(inputs.cases()[which].on_gpu(gpu, loss)?);
        Ok(got.into_iter().map(|(_, values)| wide(values)).collect())
    };
    Case { expected, run: Box::new(run) }
}

pub(super) fn binary(input: &Input) -> Case {
    case(input, 0, unreduced(), 1.0)
}

pub(super) fn divergence(input: &Input) -> Case {
    case(input, 1, unreduced(), 1.0)
}

pub(super) fn entropy(input: &Input) -> Case {
    case(input, 2, unreduced(), 1.0)
}

pub(super) fn binary_weighted(input: &Input) -> Case {
    let count = (input.rows() * input.shape.classes) as f64;
    case(input, 3, ElementLoss::new().reduction(ElementReduction::Mean).upstream(-0.5), count)
}

pub(super) fn log_divergence(input: &Input) -> Case {
    case(input, 4, unreduced(), 1.0)
}

pub(super) fn distributions(input: &Input) -> Case {
    case(input, 5, unreduced(), 1.0)
}

pub(super) fn sigmoid(input: &Input) -> Case {
    let inputs = inputs(input);
    let y: Vec<f32> = {
        let view = inputs.logits();
        (0..view.rows()).flat_map(|row| view.row(row).map(|x| (1.0 / (1.0 + (-x).exp())) as f32)).collect()
    };
    let y = input.matrix(&y);
    let values = [reference::sigmoid(&inputs.logits()), reference::sigmoid_backward(&y.view(), &inputs.weights()).expect("one shape")];
    let place = Place::Elements(Shape { padding: 0, ..input.shape });
    let expected = ["elements", "gradient"].into_iter().zip(values);
    let expected = expected.map(|(result, values)| Expected { result, values, bounds: Each::All(TIGHT), place }).collect();
    let run = move |gpu: &Gpu| {
        let gradient = gpu.sigmoid_backward(&y.view(), &inputs.weights())?;
        Ok(vec![wide(gpu.sigmoid(&inputs.logits())?), wide(gradient)])
    };
    Case { expected, run: Box::new(run) }
}
