//! The operations at host level: softmax, log-softmax, log-sum-exp, cross-entropy and their gradients.

use crate::gpu::Gpu;
use crate::host::{Done, Job, run};
use crate::options::{CrossEntropy, CrossEntropyResult, Reduction, Saved, Upstream};
use crate::shader::{
    CROSS_ENTROPY_BACKWARD_KERNEL, CROSS_ENTROPY_KERNEL, Kernel, LOG_SOFTMAX_BACKWARD_KERNEL, LOG_SOFTMAX_KERNEL,
    LOGSUMEXP_BACKWARD_KERNEL, LOGSUMEXP_KERNEL, SOFTMAX_BACKWARD_KERNEL, SOFTMAX_KERNEL,
};
use crate::{Error, Logits, Result, Targets};

/// One value a row, as the argument's name asks.
pub(crate) fn check_rows(what: &'static str, got: usize, rows: usize) -> Result<()> {
    if got == rows { Ok(()) } else { Err(Error::Length { what, expected: rows, got }) }
}

fn check_upstream(output: &Logits<'_>, upstream: &Logits<'_>) -> Result<()> {
    check_rows("upstream", upstream.rows() * upstream.classes(), output.rows() * output.classes())?;
    check_rows("a row of upstream", upstream.classes(), output.classes())
}

impl Gpu {
    async fn matrix(&self, kernel: &'static Kernel, logits: &Logits<'_>) -> Result<Vec<f32>> {
        Ok(run(self, &Job { elements: true, ..Job::new(kernel, logits) }).await?.elements)
    }

    async fn backward(&self, kernel: &'static Kernel, output: &Logits<'_>, upstream: &Logits<'_>) -> Result<Vec<f32>> {
        check_upstream(output, upstream)?;
        Ok(run(self, &Job { elements: true, second: Some(*upstream), ..Job::new(kernel, output) }).await?.elements)
    }

    /// Softmax of each row: `p_c = exp(x_c - max x) / Σ exp(x - max x)`.
    ///
    /// **Shapes.** `logits`: rows x classes; result: rows x classes, dense.
    /// **Range.** 0 to 1, a row sums to 1 within rounding; values below 1.3e-38 are 0.
    /// **Edge cases.** -inf gives 0. A row with NaN or +inf, or of -inf alone, gives NaN throughout. No rows give an empty result.
    /// **Accuracy.** Relative error below `1e-6 + 2^-24 (max x - x_c)` wherever `p_c` is above 1.3e-38.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for rows beyond the adapter's limits, [`Error::OutOfMemory`], [`Error::DeviceLost`].
    ///
    /// ```no_run
    /// # use wgpu_xent::{Gpu, Logits};
    /// let gpu = Gpu::new()?;
    /// let p = gpu.softmax(&Logits::new(&[0.0_f32, 0.0], 1, 2)?)?;
    /// assert_eq!(p, [0.5, 0.5]);
    /// # Ok::<(), wgpu_xent::Error>(())
    /// ```
    pub fn softmax(&self, logits: &Logits<'_>) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().softmax_async(logits))
    }

    /// [`softmax`](Self::softmax), awaited.
    ///
    /// # Errors
    /// As [`softmax`](Self::softmax).
    pub async fn softmax_async(&self, logits: &Logits<'_>) -> Result<Vec<f32>> {
        self.matrix(&SOFTMAX_KERNEL, logits).await
    }

    /// Log-softmax of each row: `(x_c - max x) - log Σ exp(x - max x)`, in nats.
    ///
    /// **Shapes.** As [`softmax`](Self::softmax). **Range.** 0 and below.
    /// **Edge cases.** -inf gives -inf. A row with NaN or +inf, or of -inf alone, gives NaN throughout.
    /// **Accuracy.** Error below 1e-6 of `1 + |y|`.
    ///
    /// # Errors
    /// As [`softmax`](Self::softmax).
    pub fn log_softmax(&self, logits: &Logits<'_>) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().log_softmax_async(logits))
    }

    /// [`log_softmax`](Self::log_softmax), awaited.
    ///
    /// # Errors
    /// As [`softmax`](Self::softmax).
    pub async fn log_softmax_async(&self, logits: &Logits<'_>) -> Result<Vec<f32>> {
        self.matrix(&LOG_SOFTMAX_KERNEL, logits).await
    }

    /// Log-sum-exp of each row: `max x + log Σ exp(x - max x)`.
    ///
    /// **Shapes.** `logits`: rows x classes; result: one value a row.
    /// **Edge cases.** NaN if the row holds NaN, +inf if it holds +inf, -inf if it holds nothing else.
    /// **Accuracy.** Error below 1e-6 of `1 + |y|`.
    ///
    /// # Errors
    /// As [`softmax`](Self::softmax).
    pub fn logsumexp(&self, logits: &Logits<'_>) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().logsumexp_async(logits))
    }

    /// [`logsumexp`](Self::logsumexp), awaited.
    ///
    /// # Errors
    /// As [`softmax`](Self::softmax).
    pub async fn logsumexp_async(&self, logits: &Logits<'_>) -> Result<Vec<f32>> {
        Ok(run(self, &Job { lse: true, ..Job::new(&LOGSUMEXP_KERNEL, logits) }).await?.lse)
    }

    /// Cross-entropy of each row with a class index `t`: `loss = log Σ exp x - x_t`, in nats, and in the same pass whatever
    /// else the options ask for.
    ///
    /// **Gradient.** `g (p_c - [c = t])`, `p` the softmax; `g` is the upstream gradient, over the valid rows with [`Reduction::Mean`].
    /// **Shapes.** `logits`: rows x classes; `targets`: one a row; results: see [`CrossEntropyResult`].
    /// **Edge cases.** An ignored row has loss 0 and gradient exactly 0, whatever it holds. The mean over no valid rows is NaN.
    /// NaN or +inf in a row, or nothing but -inf, give NaN there; a target of -inf gives loss +inf and a finite gradient.
    /// **Accuracy.** Row loss and the gradient at the target: relative error below 1e-6 at any confidence, as far as they are
    /// normal f32.
    ///
    /// # Errors
    /// [`Error::Length`] or [`Error::Target`] for wrong targets, [`Error::Options`], and those of [`softmax`](Self::softmax).
    ///
    /// ```no_run
    /// # use wgpu_xent::{CrossEntropy, Gpu, Logits, Targets};
    /// let gpu = Gpu::new()?;
    /// let logits = Logits::new(&[0.0_f32, 0.0, 2.0, 0.0], 2, 2)?;
    /// let out = gpu.cross_entropy(&logits, &Targets::new(&[1, 0]), &CrossEntropy::new().gradient(true))?;
    /// println!("{:?} nats, gradient {:?}", out.loss, out.gradient);
    /// # Ok::<(), wgpu_xent::Error>(())
    /// ```
    pub fn cross_entropy(&self, logits: &Logits<'_>, targets: &Targets<'_>, options: &CrossEntropy<'_>) -> Result<CrossEntropyResult> {
        pollster::block_on(self.blocking().cross_entropy_async(logits, targets, options))
    }

    /// [`cross_entropy`](Self::cross_entropy), awaited.
    ///
    /// # Errors
    /// As [`cross_entropy`](Self::cross_entropy).
    pub async fn cross_entropy_async(
        &self,
        logits: &Logits<'_>,
        targets: &Targets<'_>,
        options: &CrossEntropy<'_>,
    ) -> Result<CrossEntropyResult> {
        options.check(logits.rows())?;
        let encoded = targets.encode(logits.rows(), logits.classes(), options.ignore_index)?;
        let (scale, upstream) = factors(options);
        let job = Job {
            elements: options.gradient,
            loss: true,
            returns_loss: options.wants_row_loss(),
            lse: options.logsumexp,
            argmax: options.argmax,
            targets: Some(encoded),
            upstream,
            mean: options.reduction == Reduction::Mean,
            scale,
            ..Job::new(&CROSS_ENTROPY_KERNEL, logits)
        };
        let Done { elements, loss, lse, argmax, summary } = run(self, &job).await?;
        // Without rows nothing ran: the sum is 0, the mean 0/0.
        let empty = if options.reduction == Reduction::Mean { f32::NAN } else { 0.0 };
        let reduced = if logits.rows() == 0 { empty } else { summary.loss };
        Ok(CrossEntropyResult {
            loss: (options.reduction != Reduction::None).then_some(reduced),
            row_loss: options.wants_row_loss().then_some(loss),
            logsumexp: options.logsumexp.then_some(lse),
            argmax: options.argmax.then_some(argmax),
            gradient: options.gradient.then_some(elements),
            valid_rows: summary.valid as usize,
            correct: options.argmax.then_some(summary.correct as usize),
        })
    }

    /// The gradient of [`cross_entropy`](Self::cross_entropy) from what a forward pass saved: one read and one write, no sums.
    ///
    /// With the row losses saved too, it is as accurate as the fused one; see [`Saved`]. The options' outputs are not looked at.
    ///
    /// # Errors
    /// As [`cross_entropy`](Self::cross_entropy), and [`Error::Length`] for what was saved.
    pub fn cross_entropy_backward(
        &self,
        logits: &Logits<'_>,
        targets: &Targets<'_>,
        saved: &Saved<'_>,
        options: &CrossEntropy<'_>,
    ) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().cross_entropy_backward_async(logits, targets, saved, options))
    }

    /// [`cross_entropy_backward`](Self::cross_entropy_backward), awaited.
    ///
    /// # Errors
    /// As [`cross_entropy_backward`](Self::cross_entropy_backward).
    pub async fn cross_entropy_backward_async(
        &self,
        logits: &Logits<'_>,
        targets: &Targets<'_>,
        saved: &Saved<'_>,
        options: &CrossEntropy<'_>,
    ) -> Result<Vec<f32>> {
        options.check(logits.rows())?;
        check_rows("logsumexp", saved.logsumexp.len(), logits.rows())?;
        check_rows("row_loss", saved.row_loss.map_or(logits.rows(), <[f32]>::len), logits.rows())?;
        let encoded = targets.encode(logits.rows(), logits.classes(), options.ignore_index)?;
        let (scale, upstream) = factors(options);
        let job = Job {
            elements: true,
            targets: Some(encoded),
            upstream,
            saved_lse: Some(saved.logsumexp),
            saved_loss: saved.row_loss,
            mean: options.reduction == Reduction::Mean,
            scale,
            ..Job::new(&CROSS_ENTROPY_BACKWARD_KERNEL, logits)
        };
        Ok(run(self, &job).await?.elements)
    }

    /// The gradient of [`softmax`](Self::softmax): `p_c (u_c - Σ p u)`, from its result `p` and the upstream gradient `u`,
    /// both rows x classes. NaN in `p` or `u` makes the row NaN, and so does an infinite `u`.
    ///
    /// # Errors
    /// [`Error::Length`] if the shapes differ, and those of [`softmax`](Self::softmax).
    pub fn softmax_backward(&self, probabilities: &Logits<'_>, upstream: &Logits<'_>) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().softmax_backward_async(probabilities, upstream))
    }

    /// [`softmax_backward`](Self::softmax_backward), awaited.
    ///
    /// # Errors
    /// As [`softmax_backward`](Self::softmax_backward).
    pub async fn softmax_backward_async(&self, probabilities: &Logits<'_>, upstream: &Logits<'_>) -> Result<Vec<f32>> {
        self.backward(&SOFTMAX_BACKWARD_KERNEL, probabilities, upstream).await
    }

    /// The gradient of [`log_softmax`](Self::log_softmax): `u_c - exp(y_c) Σ u`, from its result `y` and the upstream gradient
    /// `u`, both rows x classes. NaN in `y` stays NaN; a row with an infinite `u` becomes NaN.
    ///
    /// # Errors
    /// As [`softmax_backward`](Self::softmax_backward).
    pub fn log_softmax_backward(&self, log_probabilities: &Logits<'_>, upstream: &Logits<'_>) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().log_softmax_backward_async(log_probabilities, upstream))
    }

    /// [`log_softmax_backward`](Self::log_softmax_backward), awaited.
    ///
    /// # Errors
    /// As [`softmax_backward`](Self::softmax_backward).
    pub async fn log_softmax_backward_async(&self, log_probabilities: &Logits<'_>, upstream: &Logits<'_>) -> Result<Vec<f32>> {
        self.backward(&LOG_SOFTMAX_BACKWARD_KERNEL, log_probabilities, upstream).await
    }

    /// The gradient of [`logsumexp`](Self::logsumexp): `g exp(x_c - lse)`, from its result and a factor `g` for each row.
    ///
    /// **Edge cases.** Where the log-sum-exp is +inf: NaN at the +inf logits, 0 elsewhere. Where it is -inf or NaN: NaN.
    /// **Accuracy.** That of the rounded log-sum-exp: relative error `|lse| * 2^-24`, and 1e-6 more.
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one value a row, and those of [`softmax`](Self::softmax).
    pub fn logsumexp_backward(&self, logits: &Logits<'_>, logsumexp: &[f32], upstream: &[f32]) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().logsumexp_backward_async(logits, logsumexp, upstream))
    }

    /// [`logsumexp_backward`](Self::logsumexp_backward), awaited.
    ///
    /// # Errors
    /// As [`logsumexp_backward`](Self::logsumexp_backward).
    pub async fn logsumexp_backward_async(&self, logits: &Logits<'_>, logsumexp: &[f32], upstream: &[f32]) -> Result<Vec<f32>> {
        check_rows("logsumexp", logsumexp.len(), logits.rows())?;
        check_rows("upstream", upstream.len(), logits.rows())?;
        let job =
            Job { elements: true, upstream: Some(upstream), saved_lse: Some(logsumexp), ..Job::new(&LOGSUMEXP_BACKWARD_KERNEL, logits) };
        Ok(run(self, &job).await?.elements)
    }
}

/// The scalar and the per-row part of the upstream gradient.
fn factors<'a>(options: &CrossEntropy<'a>) -> (f32, Option<&'a [f32]>) {
    match options.upstream {
        Upstream::Scalar(scale) => (scale, None),
        Upstream::Rows(rows) => (1.0, Some(rows)),
    }
}
