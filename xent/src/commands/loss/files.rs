//! The arrays that `xent loss` writes.

use wgpu_xent::CrossEntropy;

use crate::args::{Loss, Reduction};
use crate::engine::Losses;
use crate::failure::Result;
use crate::matrix::Matrix;
use crate::outputs::{Output, check_distinct, finish};

/// Those of them that were asked for.
#[derive(Debug)]
pub(super) struct Files {
    loss: Output,
    grad: Output,
    lse: Output,
}

impl Files {
    pub(super) fn create(args: &Loss, logits: &Matrix) -> Result<Self> {
        let losses = if args.reduction == Reduction::None { logits.leading() } else { &[] };
        let files = Self {
            loss: Output::create(args.loss.as_deref(), losses)?,
            grad: Output::create(args.grad.as_deref(), logits.shape())?,
            lse: Output::create(args.lse.as_deref(), logits.leading())?,
        };
        check_distinct(&[&files.loss, &files.grad, &files.lse])?;
        Ok(files)
    }

    /// Adds to the options what the files need.
    pub(super) fn wanted<'a>(&self, options: CrossEntropy<'a>) -> CrossEntropy<'a> {
        options.gradient(self.grad.is_wanted()).logsumexp(self.lse.is_wanted())
    }

    /// Appends a window.
    pub(super) fn write(&mut self, losses: &Losses, reduction: Reduction) -> Result<()> {
        if reduction == Reduction::None {
            let rounded: Vec<f32> = losses.rows.iter().map(|&loss| loss as f32).collect();
            self.loss.write(&rounded)?;
        }
        self.grad.write(&losses.gradient)?;
        self.lse.write(&losses.lse)
    }

    /// Puts the files in place, with the loss of all rows if they were reduced to one.
    pub(super) fn finish(mut self, loss: Option<f64>) -> Result<()> {
        if let Some(loss) = loss {
            self.loss.write(&[loss as f32])?;
        }
        finish([self.loss, self.grad, self.lse])
    }
}
