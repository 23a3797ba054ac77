//! `xent kl`: Kullback-Leibler divergence, and its gradients.

use crate::args::KlDiv;
use crate::commands::elements::{Pass, Total};
use crate::engine::Adapter;
use crate::failure::Result;
use crate::matrix::Matrix;

pub(crate) fn run(args: &KlDiv, adapter: Adapter<'_>) -> Result<()> {
    let input = Matrix::open_flat(&args.input)?;
    let targets = input.open_like(&args.targets, "targets")?;
    let pass = Pass {
        input: &input,
        total: Total::of_kl(args.reduction, &input),
        count: ("elements", input.len()),
        files: &args.files,
        target_grad: args.target_grad.as_deref(),
        rows: None,
        by_row: false,
    };
    pass.run(adapter, |engine, rows, window, options| {
        let values = targets.read(rows)?;
        let losses = engine.kl_div(window, &targets.form().view(&values, rows)?, args.log_target, &options)?;
        targets.release(rows);
        Ok(losses)
    })
}
