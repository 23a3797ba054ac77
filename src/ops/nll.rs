//! The loss of log-probabilities that are already there, at host level.

use super::settings::{is_empty_fault, set_params};
use crate::gpu::Gpu;
use crate::host::{Job, run};
use crate::options::{CrossEntropy, CrossEntropyResult, Denominator, EmptyMean, Outputs, Reduction};
use crate::shader::NLL_KERNEL;
use crate::views::IGNORED;
use crate::words::{ClassInput, RowInput, RowOutput};
use crate::{Error, Factor, FaultPolicy, Faults, LogitTransform, Logits, Result, Targets};

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
    /// [`Error::Length`] or [`Error::Target`] for wrong targets, [`Error::Options`] for every option but the reduction, denominator,
    /// empty mean, `ignore_index`, upstream, weights, row loss and gradient, and those of [`softmax`](Self::softmax).
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
        check_options(options)?;
        options.check(rows, classes, false)?;
        let mut job = Job::new(&NLL_KERNEL, log_probs);
        set_params(&mut job.params, options, classes as u64, Some(IGNORED));
        job.row_input(RowInput::Targets, targets.encode(rows, classes, options.ignore_index)?);
        job.features.weighted = options.class_weights.is_some();
        job.class_input(ClassInput::Weights, options.class_weights);
        if let Some(weights) = options.row_weights {
            job.row_floats(RowInput::Weights, weights);
        }
        if let Factor::Rows(upstream) = options.upstream {
            job.row_floats(RowInput::Upstream, upstream);
        }
        job.output(RowOutput::Loss, options.wants_row_loss());
        job.elements.result = options.outputs.gradient;
        job.reduction = Some(options.reduction);
        let mut done = run(self, &job).await?;
        let mut summary = done.summary;
        if rows == 0 {
            // Nothing ran: the sum is 0, and what a mean divides by is 0 or given.
            summary.denominator = if let Denominator::Value(value) = options.denominator { value } else { 0.0 };
            let nan = options.reduction == Reduction::Mean && summary.denominator == 0.0 && options.empty_mean == EmptyMean::Nan;
            summary.loss = if nan { f32::NAN } else { 0.0 };
        }
        Ok(CrossEntropyResult {
            loss: (options.reduction != Reduction::None).then_some(summary.loss),
            row_loss: options.wants_row_loss().then(|| done.floats(RowOutput::Loss)),
            gradient: options.outputs.gradient.then_some(done.elements),
            valid_rows: summary.valid as usize,
            denominator: summary.denominator,
            faults: Faults { empty_denominator: is_empty_fault(options, summary.denominator), ..Faults::default() },
            ..CrossEntropyResult::default()
        })
    }
}

/// No option is set that has no meaning without logits.
pub(crate) fn check_options(options: &CrossEntropy<'_>) -> Result<()> {
    let Outputs { row_loss: _, gradient: _, logsumexp, log_prob, argmax, rank, entropy, z_loss, states, target_gradient } = options.outputs;
    let unused = [
        ("label_smoothing", options.label_smoothing != 0.0),
        ("z_loss", options.z_loss != 0.0),
        ("transform", options.transform != LogitTransform::new()),
        ("piece", options.piece.is_some()),
        ("faults", options.faults != FaultPolicy::Propagate),
        ("top_k", options.top_k.is_some()),
        ("logsumexp", logsumexp),
        ("log_prob", log_prob),
        ("argmax", argmax),
        ("rank", rank),
        ("entropy", entropy),
        ("z_loss_part", z_loss),
        ("states", states),
        ("target_gradient", target_gradient),
    ];
    unused
        .iter()
        .find(|(_, is_set)| *is_set)
        .map_or(Ok(()), |(name, _)| Err(Error::Options(format!("the negative log-likelihood has no use for the option {name}"))))
}
