//! `xent loss` and `xent nll`: losses of rows with targets, and their gradients.

mod faults;
mod files;
mod inputs;
mod report;
mod totals;

use std::time::Instant;

use crate::args::{Loss, LossOnly, NegativeLogLikelihood, RowLoss};
use crate::engine::{Adapter, Engine};
use crate::failure::Result;
use files::Files;
use inputs::Inputs;
use report::Finished;
use totals::Totals;

/// What to compute.
struct Request<'a> {
    logits: &'a str,
    targets: &'a str,
    common: &'a RowLoss,
    /// `None`: the logits are log-probabilities already.
    only: Option<&'a LossOnly>,
}

pub(crate) fn run(args: &Loss, adapter: Adapter<'_>) -> Result<()> {
    Request { logits: &args.logits, targets: &args.targets, common: &args.common, only: Some(&args.only) }.run(adapter)
}

pub(crate) fn run_nll(args: &NegativeLogLikelihood, adapter: Adapter<'_>) -> Result<()> {
    Request { logits: &args.log_probs, targets: &args.targets, common: &args.common, only: None }.run(adapter)
}

impl Request<'_> {
    fn run(&self, adapter: Adapter<'_>) -> Result<()> {
        let inputs = Inputs::open(self)?;
        let mut files = Files::create(self, &inputs)?;
        let options = files.wanted(inputs.options(self));
        inputs.check(self, &options)?;
        let engine = Engine::open(adapter)?;

        let start = Instant::now();
        let mut totals = Totals::default();
        inputs.logits.for_each_window(engine.window_bytes(), |rows, window| {
            let losses = inputs.losses(&engine, rows, window, options)?;
            totals.add(rows.start, &losses, || inputs.counted(rows))?;
            files.write(inputs.logits.form(), rows, &losses)?;
            inputs.release(rows);
            Ok(())
        })?;

        let finished = Finished::new(self, &inputs, totals);
        files.finish(finished.loss())?;
        finished.report().print(self.common.files.json, &engine, start)
    }
}
