//! The loss of log-probabilities that are already there, at host level.

use super::settings::{is_empty_fault, set_coefficients, set_params, summary_of};
use crate::gpu::Gpu;
use crate::host::run;
use crate::job::Job;
use crate::options::{CrossEntropy, CrossEntropyResult, Reduction};
use crate::shader::NLL_KERNEL;
use crate::views::IGNORED;
use crate::words::{RowInput, RowOutput};
use crate::{Faults, Logits, Result, Targets};

impl Gpu {
    /// Negative log-likelihood of log-probabilities `x`, those of [`log_softmax`](Self::log_softmax) for example, and class indices `t`:
    ///
    /// ```text
    /// loss_r = -a_r w_t x_t
    /// ```
    ///
    /// with row weights `a` and class weights `w`. Reduction, denominator and ignored rows as with [`cross_entropy`](Self::cross_entropy).
    ///
    /// **Gradient.** `-a w_t` at the target and 0 elsewhere, times the upstream gradient, over the denominator with [`Reduction::Mean`].
    /// **Shapes.** `targets`: one a row; gradient: the shape of `log_probs`, dense. **Range.** Any numbers: they need not be normalised.
    /// **Edge cases.** A coefficient `a w_t` of 0, or an ignored row, gives loss and gradient 0 whatever `x_t` is; otherwise NaN or an
    /// infinity there is the loss's, and what the other classes hold does not matter. The mean over nothing is NaN, or 0 by
    /// choice; that is the one fault that there can be. **Accuracy.** Relative error below 1e-6; sums: of the sum of the absolute terms.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) or [`Error::Target`](crate::Error::Target) for wrong targets,
    /// [`Error::Options`](crate::Error::Options) for every option but the reduction, denominator, empty mean, `ignore_index`, upstream,
    /// weights, row loss and gradient, and those of [`softmax`](Self::softmax).
    ///
    /// ```no_run
    /// # use wgpu_xent::{CrossEntropy, Gpu, Logits, Targets};
    /// let gpu = Gpu::new()?;
    /// let log_probs = gpu.log_softmax(&Logits::new(&[0.0_f32, 0.0, 2.0, 0.0], 2, 2)?)?;
    /// let out = gpu.nll_loss(&Logits::new(&log_probs, 2, 2)?, &Targets::new(&[1, 0]), &CrossEntropy::new())?;
    /// println!("{:?} nats", out.loss);
    /// # Ok::<(), wgpu_xent::Error>(())
    /// ```
    pub fn nll_loss(&self, log_probs: &Logits<'_>, targets: &Targets<'_>, options: &CrossEntropy<'_>) -> Result<CrossEntropyResult> {
        pollster::block_on(self.blocking().nll_loss_async(log_probs, targets, options))
    }

    /// [`nll_loss`](Self::nll_loss), awaited.
    ///
    /// # Errors
    /// As [`nll_loss`](Self::nll_loss).
    pub async fn nll_loss_async(
        &self,
        log_probs: &Logits<'_>,
        targets: &Targets<'_>,
        options: &CrossEntropy<'_>,
    ) -> Result<CrossEntropyResult> {
        let (rows, classes) = (log_probs.rows(), log_probs.classes());
        options.check_without_logits()?;
        options.check(rows, classes, false)?;
        let mut job = Job::new(&NLL_KERNEL, log_probs);
        set_params(&mut job.params, options, classes as u64, Some(IGNORED));
        job.row_input(RowInput::Targets, targets.encode(rows, classes, options.ignore_index)?);
        set_coefficients(&mut job, options);
        job.output(RowOutput::Loss, options.wants_row_loss());
        job.elements.result = options.outputs.gradient;
        job.reduction = Some(options.reduction);
        let mut done = run(self, &job).await?;
        let summary = summary_of(&done, rows, options);
        Ok(CrossEntropyResult {
            loss: (options.reduction != Reduction::None).then_some(summary.loss),
            row_loss: options.wants_row_loss().then(|| done.floats(RowOutput::Loss)),
            gradient: options.outputs.gradient.then(|| done.elements.take()),
            valid_rows: summary.valid as usize,
            denominator: summary.denominator,
            faults: Faults { empty_denominator: is_empty_fault(options, summary.denominator), ..Faults::default() },
            ..CrossEntropyResult::default()
        })
    }
}
