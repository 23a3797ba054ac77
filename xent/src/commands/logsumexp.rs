//! `xent logsumexp`: one value a row, and the gradient.

use crate::args::Logsumexp;
use crate::engine::Engine;
use crate::failure::Result;
use crate::matrix::Matrix;
use crate::outputs::{Output, check_distinct, finish};
use crate::upstream::RowFactors;

pub(crate) fn run(args: &Logsumexp, adapter: Option<&str>) -> Result<()> {
    let logits = Matrix::open(&args.logits, &args.dim)?;
    let kept = [logits.leading(), &[1]].concat();
    let shapes = [logits.leading(), &kept];
    let upstream = args.upstream.as_deref().map(|spec| RowFactors::open(spec, &shapes)).transpose()?;
    let mut output = Output::create(Some(&args.output), shapes[usize::from(args.keepdim)])?;
    let mut gradient = Output::create(args.grad.as_deref(), logits.shape())?;
    check_distinct(&[&output, &gradient])?;

    let engine = Engine::open(adapter)?;
    logits.for_each_window(engine.window_bytes(), |rows, window| {
        let lse = engine.logsumexp(window)?;
        output.write(&lse)?;
        if let Some(upstream) = &upstream {
            gradient.write(&engine.logsumexp_backward(window, &lse, &upstream.read(rows)?)?)?;
        }
        Ok(())
    })?;
    finish([output, gradient])
}
