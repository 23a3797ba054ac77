//! `xent bce`: binary cross-entropy, and its gradient.

use std::ops::Range;

use wgpu_xent::{Weights, reference};

use crate::args::BinaryCrossEntropy;
use crate::arrays::Array;
use crate::commands::elements::{Pass, Total};
use crate::engine::Adapter;
use crate::failure::{Failure, Result};
use crate::matrix::{Matrix, open_with_groups};
use crate::rows::open_class_values;

/// The weights of the elements.
enum Weight {
    Classes(Vec<f32>),
    Elements(Matrix),
}

pub(crate) fn run(args: &BinaryCrossEntropy, adapter: Adapter<'_>) -> Result<()> {
    let logits = open_logits(args)?;
    let targets = logits.open_like(&args.targets, "targets")?;
    let weight = args.weight.as_deref().map(|spec| open_weight(spec, &logits)).transpose()?;
    let pos_weight = args.pos_weight.as_deref().map(|spec| open_class_values(spec, "positive weights", logits.classes())).transpose()?;
    check(&logits, &weight, pos_weight.as_deref())?;
    let pass = Pass {
        input: &logits,
        total: Total::new(args.reduction, logits.len()),
        count: ("elements", logits.len()),
        files: &args.files,
        target_grad: None,
        rows: None,
        by_row: false,
    };
    pass.run(adapter, |engine, rows, window, options| {
        let view = |values, rows: &Range<usize>| logits.form().view(values, rows);
        let values = targets.read(rows)?;
        let elements;
        let weight = match &weight {
            None => None,
            Some(Weight::Classes(weights)) => Some(Weights::Classes(weights)),
            Some(Weight::Elements(weights)) => {
                elements = weights.read(rows)?;
                Some(Weights::Elements(view(&elements, rows)?))
            }
        };
        let options = wgpu_xent::BinaryCrossEntropy::new().loss(options).weight(weight).pos_weight(pos_weight.as_deref());
        let losses = engine.binary_cross_entropy(window, &view(&values, rows)?, &options)?;
        targets.release(rows);
        Ok(losses)
    })
}

/// The weights of classes are numbers.
fn check(logits: &Matrix, weight: &Option<Weight>, pos_weight: Option<&[f32]>) -> Result<()> {
    let no_rows = logits.form().no_rows()?;
    let weight =
        weight.as_ref().and_then(|weight| if let Weight::Classes(weights) = weight { Some(Weights::Classes(weights)) } else { None });
    let options = wgpu_xent::BinaryCrossEntropy::new().weight(weight).pos_weight(pos_weight);
    reference::binary_cross_entropy_with_logits(&no_rows, &no_rows, &options)?;
    Ok(())
}

/// Only weights of classes need to know which they are; a dimension that is not there is wrong in any case.
fn open_logits(args: &BinaryCrossEntropy) -> Result<Matrix> {
    if !Array::open(&args.logits)?.shape().is_empty() {
        open_with_groups(&args.logits, &[args.dim])?;
    }
    let has_shape = |spec: &String| Ok::<_, Failure>(Array::open(spec)?.shape() == Array::open(&args.logits)?.shape());
    let by_element = args.weight.as_ref().map(has_shape).transpose()?.unwrap_or(true);
    if by_element && args.pos_weight.is_none() { Matrix::open_flat(&args.logits) } else { Matrix::open(&args.logits, &[args.dim]) }
}

fn open_weight(spec: &str, logits: &Matrix) -> Result<Weight> {
    let (shape, classes) = (Array::open(spec)?.shape().to_vec(), logits.classes());
    if shape == logits.shape() {
        return logits.open_like(spec, "weights").map(Weight::Elements);
    }
    if shape == [classes] {
        return open_class_values(spec, "weights", classes).map(Weight::Classes);
    }
    Err(Failure::input(format!("{spec}: weights of shape {shape:?}, expected [{classes}] or the logits' {:?}", logits.shape())))
}
