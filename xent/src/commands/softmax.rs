//! `xent softmax`: probabilities or their logarithms, and the gradient.

use wgpu_xent::Logits;

use crate::args::Softmax;
use crate::engine::Engine;
use crate::failure::{Failure, Result};
use crate::matrix::Matrix;
use crate::outputs::{Output, check_distinct, finish};

pub(crate) fn run(args: &Softmax, adapter: Option<&str>) -> Result<()> {
    let logits = Matrix::open(&args.logits, args.dim.as_slice())?;
    let upstream = args.upstream.as_deref().map(|spec| open_upstream(spec, &logits)).transpose()?;
    let mut output = Output::create(Some(&args.output), logits.shape())?;
    let mut gradient = Output::create(args.grad.as_deref(), logits.shape())?;
    check_distinct(&[&output, &gradient])?;

    let engine = Engine::open(adapter)?;
    logits.for_each_window(engine.window_bytes(), |rows, window| {
        let result = engine.softmax(window, args.log)?;
        output.write(&result)?;
        if let Some(upstream) = &upstream {
            let (count, classes) = (rows.len(), logits.classes());
            let result = Logits::new(&result, count, classes)?;
            let above = upstream.read(rows)?;
            gradient.write(&engine.softmax_backward(&result, &Logits::new(&above, count, classes)?, args.log)?)?;
            upstream.release(rows);
        }
        Ok(())
    })?;
    finish([output, gradient])
}

fn open_upstream(spec: &str, logits: &Matrix) -> Result<Matrix> {
    let upstream = Matrix::open(spec, &[-1])?;
    if upstream.shape() == logits.shape() {
        return Ok(upstream);
    }
    let (got, expected) = (upstream.shape(), logits.shape());
    Err(Failure::input(format!("{spec}: upstream gradient of shape {got:?}, expected the logits' {expected:?}")))
}
