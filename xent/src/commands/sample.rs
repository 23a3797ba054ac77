//! `xent sample`: a class of each row, drawn at random.

use wgpu_xent::{Sampling, reference};

use crate::args::Sample;
use crate::engine::{Adapter, Engine};
use crate::failure::Result;
use crate::matrix::Matrix;
use crate::outputs::{Output, finish};
use crate::transform::Transform;

pub(crate) fn run(args: &Sample, adapter: Adapter<'_>) -> Result<()> {
    let logits = Matrix::open(&args.logits, args.dim.as_slice())?;
    let form = logits.form();
    let transform = Transform::open(&args.transform, form)?;
    let mut output = Output::create_classes(Some(&args.output), &logits.leading())?;
    let sampling = Sampling::new(args.seed).top_k(args.top_k).top_p(args.top_p);
    // Without rows, this checks the options.
    reference::sample(&form.no_rows()?, &sampling)?;

    let engine = Engine::open(adapter)?;
    logits.for_each_window(engine.window_bytes(), |rows, window| {
        let transform = transform.window(form, rows)?;
        // Each row's randomness is that of its number in the file, whatever the windows.
        let sampling = sampling.first_row(rows.start).transform(transform.view()?);
        output.write_classes(&engine.sample(window, &sampling)?)
    })?;
    finish([output])
}
