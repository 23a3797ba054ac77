//! `xent entropy`: entropies of distributions, or their cross-entropies with others, and the gradients.

use crate::args::Entropy;
use crate::commands::elements::{Pass, Total};
use crate::engine::Adapter;
use crate::failure::Result;
use crate::matrix::Matrix;

pub(crate) fn run(args: &Entropy, adapter: Adapter<'_>) -> Result<()> {
    let p = Matrix::open(&args.p, args.dim.as_slice())?;
    let q = args.q.as_deref().map(|spec| p.open_like(spec, "predicted probabilities")).transpose()?;
    let pass = Pass {
        input: &p,
        total: Total::new(args.reduction, p.rows()),
        count: ("rows", p.rows()),
        files: &args.files,
        target_grad: args.target_grad.as_deref(),
        rows: args.output.as_deref(),
        by_row: true,
    };
    pass.run(adapter, |engine, rows, window, options| {
        let Some(q) = &q else { return Ok(engine.entropy(window, &options)?) };
        let values = q.read(rows)?;
        let losses = engine.distribution_cross_entropy(window, &q.form().view(&values, rows)?, &options)?;
        q.release(rows);
        Ok(losses)
    })
}
