//! The arrays that `xent loss` writes.

use std::ops::Range;

use wgpu_xent::CrossEntropy;

use super::Request;
use super::inputs::Inputs;
use crate::args::{LossOnly, Reduction, RowFiles};
use crate::engine::Losses;
use crate::failure::Result;
use crate::form::Form;
use crate::outputs::{Output, check_distinct, finish};

/// Those of them that were asked for.
#[derive(Debug)]
pub(super) struct Files {
    loss: Output,
    grad: Output,
    target_grad: Output,
    lse: Output,
    entropy: Output,
    log_prob: Output,
    argmax: Output,
    rank: Output,
    z_loss: Output,
    is_reduced: bool,
    /// Whether the z-loss is reported.
    has_z_loss: bool,
}

impl Files {
    pub(super) fn create(request: &Request<'_>, inputs: &Inputs) -> Result<Self> {
        let leading = inputs.logits.leading();
        let (shape, results) = (inputs.logits.shape(), &request.common.files);
        let rows = request.only.map(|only| &only.files);
        let is_reduced = request.common.reduction != Reduction::None;
        let spec = |get: fn(&RowFiles) -> &Option<String>| rows.and_then(|files| get(files).as_deref());
        let files = Self {
            loss: Output::create(results.loss.as_deref(), if is_reduced { &[] } else { &leading })?,
            grad: Output::create_as(results.grad.as_deref(), shape, results.dtype.into())?,
            target_grad: Output::create_as(spec(|files| &files.target_grad), shape, results.dtype.into())?,
            lse: Output::create(spec(|files| &files.lse), &leading)?,
            entropy: Output::create(spec(|files| &files.entropy), &leading)?,
            log_prob: Output::create(spec(|files| &files.log_prob), &leading)?,
            argmax: Output::create_classes(spec(|files| &files.argmax), &leading)?,
            rank: Output::create_classes(spec(|files| &files.rank), &leading)?,
            z_loss: Output::create(spec(|files| &files.z_loss_part), &leading)?,
            is_reduced,
            has_z_loss: request.only.is_some_and(LossOnly::has_z_loss),
        };
        check_distinct(&files.all())?;
        Ok(files)
    }

    fn all(&self) -> [&Output; 9] {
        let Self { loss, grad, target_grad, lse, entropy, log_prob, argmax, rank, z_loss, .. } = self;
        [loss, grad, target_grad, lse, entropy, log_prob, argmax, rank, z_loss]
    }

    /// Adds to the options what the files need.
    pub(super) fn wanted<'a>(&self, options: CrossEntropy<'a>) -> CrossEntropy<'a> {
        options
            .gradient(self.grad.is_wanted())
            .target_gradient(self.target_grad.is_wanted())
            .logsumexp(self.lse.is_wanted())
            .entropy(self.entropy.is_wanted())
            .log_prob(self.log_prob.is_wanted())
            .rank(self.rank.is_wanted())
            .z_loss_part(self.has_z_loss)
    }

    /// Writes a window.
    pub(super) fn write(&mut self, form: &Form, rows: &Range<usize>, losses: &Losses) -> Result<()> {
        if !self.is_reduced {
            self.loss.write(&rounded(&losses.rows))?;
        }
        self.grad.write_rows(form, rows, &losses.gradient)?;
        self.target_grad.write_rows(form, rows, &losses.target_gradient)?;
        self.lse.write(&losses.lse)?;
        self.entropy.write(&rounded(&losses.entropy))?;
        self.log_prob.write(&losses.log_prob)?;
        self.argmax.write_classes(&losses.argmax)?;
        self.rank.write_classes(&losses.rank)?;
        self.z_loss.write(&rounded(&losses.z_loss))
    }

    /// Puts the files in place, with the loss of all rows if they were reduced to one.
    pub(super) fn finish(mut self, loss: Option<f64>) -> Result<()> {
        if let Some(loss) = loss {
            self.loss.write(&[loss as f32])?;
        }
        let Self { loss, grad, target_grad, lse, entropy, log_prob, argmax, rank, z_loss, .. } = self;
        finish([loss, grad, target_grad, lse, entropy, log_prob, argmax, rank, z_loss])
    }
}

fn rounded(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}
