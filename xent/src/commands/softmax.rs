//! `xent softmax`: probabilities or their logarithms, and the gradient.

use crate::args::Softmax;
use crate::engine::{Adapter, Engine};
use crate::failure::Result;
use crate::matrix::Matrix;
use crate::outputs::{Output, check_distinct, finish};
use crate::transform::Transform;

pub(crate) fn run(args: &Softmax, adapter: Adapter<'_>) -> Result<()> {
    let logits = Matrix::open(&args.logits, args.dim.as_slice())?;
    let form = logits.form();
    let transform = Transform::open(&args.transform, form)?;
    let upstream = args.upstream.as_deref().map(|spec| logits.open_like(spec, "upstream gradient")).transpose()?;
    let mut output = Output::create_as(Some(&args.output), logits.shape(), args.dtype.into())?;
    let mut gradient = Output::create_as(args.grad.as_deref(), logits.shape(), args.dtype.into())?;
    check_distinct(&[&output, &gradient])?;

    let engine = Engine::open(adapter)?;
    logits.for_each_window(engine.window_bytes(), |rows, window| {
        let transform = transform.window(form, rows)?;
        let transform = transform.view()?;
        let result = engine.softmax(window, args.log, &transform)?;
        output.write_rows(form, rows, &result)?;
        if let Some(upstream) = &upstream {
            let above = upstream.read(rows)?;
            let (result, above) = (form.view(&result, rows)?, form.view(&above, rows)?);
            gradient.write_rows(form, rows, &engine.softmax_backward(&result, &above, args.log, &transform)?)?;
            upstream.release(rows);
        }
        Ok(())
    })?;
    finish([output, gradient])
}
