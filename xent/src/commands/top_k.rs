//! `xent top-k`: the most probable classes of each row, and their log-probabilities.

use std::ops::Range;

use crate::args::TopK;
use crate::engine::{Adapter, Engine};
use crate::failure::{Failure, Result};
use crate::form::Form;
use crate::matrix::Matrix;
use crate::outputs::{Output, check_distinct, finish};
use crate::transform::Transform;

pub(crate) fn run(args: &TopK, adapter: Adapter<'_>) -> Result<()> {
    let logits = Matrix::open(&args.logits, args.dim.as_slice())?;
    let form = logits.form();
    let (k, classes) = (args.k, form.classes());
    if k as usize > classes {
        return Err(Failure::input(format!("--k is {k}, must be at most {classes}, the number of classes")));
    }
    let transform = Transform::open(&args.transform, form)?;
    let listed = form.with_classes(k as usize);
    let mut indices = Output::create_classes(args.indices.as_deref(), listed.shape())?;
    let mut log_probs = Output::create(args.log_probs.as_deref(), listed.shape())?;
    check_distinct(&[&indices, &log_probs])?;

    let engine = Engine::open(adapter)?;
    logits.for_each_window(engine.window_bytes(), |rows, window| {
        let transform = transform.window(form, rows)?;
        let top = engine.top_k(window, k, &transform.view()?)?;
        indices.write_classes_of(&listed, rows, &in_blocks(&listed, rows, top.classes))?;
        log_probs.write_rows(&listed, rows, &in_blocks(&listed, rows, top.log_probs))
    })?;
    finish([indices, log_probs])
}

/// Values that came row after row, in the order of blocks of `classes x columns`.
fn in_blocks<T: Copy>(form: &Form, rows: &Range<usize>, values: Vec<T>) -> Vec<T> {
    let (classes, columns) = (form.classes(), form.columns(rows));
    if columns == 1 {
        return values;
    }
    let blocks = values.chunks(classes * columns);
    blocks.flat_map(|block| (0..classes).flat_map(move |class| block.iter().skip(class).step_by(classes))).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns_of_their_block() {
        let form = Form::new(&[2, 3, 2], 1..2).unwrap();
        let values = (0..12).collect::<Vec<_>>();
        assert_eq!(in_blocks(&form, &(0..4), values), [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]);
    }
}
