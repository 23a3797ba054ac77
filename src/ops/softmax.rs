//! Softmax, log-softmax, log-sum-exp and their gradients at host level.

use crate::factor::check_len;
use crate::gpu::Gpu;
use crate::host::{run, run_into};
use crate::job::Job;
use crate::shader::{
    Kernel, LOG_SOFTMAX_BACKWARD_KERNEL, LOG_SOFTMAX_KERNEL, LOGSUMEXP_BACKWARD_KERNEL, LOGSUMEXP_KERNEL, SOFTMAX_BACKWARD_KERNEL,
    SOFTMAX_KERNEL,
};
use crate::words::{RowInput, RowOutput};
use crate::{Element, Error, LogitTransform, Logits, Result};

impl Gpu {
    async fn matrix<T: Element>(&self, kernel: &'static Kernel, logits: &Logits<'_>, transform: &LogitTransform<'_>) -> Result<Vec<T>> {
        transform.check(logits.rows(), logits.classes())?;
        let mut job = Job::new(kernel, logits).elements::<T>();
        job.transform(transform);
        Ok(run(self, &job).await?.elements.take())
    }

    async fn backward(
        &self,
        kernel: &'static Kernel,
        output: &Logits<'_>,
        upstream: &Logits<'_>,
        transform: &LogitTransform<'_>,
    ) -> Result<Vec<f32>> {
        output.check_same_shape("upstream", upstream)?;
        transform.check(output.rows(), output.classes())?;
        if transform.softcap.is_some() {
            return Err(Error::Options("the gradient of a softcap needs the logits, not only the result".into()));
        }
        let mut job = Job::new(kernel, output).elements::<f32>().second(upstream);
        job.transform(transform);
        Ok(run(self, &job).await?.elements.take())
    }

    /// Softmax of each row: `p_c = exp(x_c - max x) / Σ exp(x - max x)`.
    ///
    /// **Shapes.** Result: the logits' shape, dense.
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
        self.softmax_with_async(logits, &LogitTransform::new()).await
    }

    /// [`softmax`](Self::softmax) of transformed logits: scaled, softly limited, masked. A class that does not take part has
    /// probability 0, whatever its logit holds; a row without any class above -inf is NaN.
    ///
    /// # Errors
    /// [`Error::Value`] or [`Error::Length`] for a wrong transform, and those of [`softmax`](Self::softmax).
    pub fn softmax_with(&self, logits: &Logits<'_>, transform: &LogitTransform<'_>) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().softmax_with_async(logits, transform))
    }

    /// [`softmax_with`](Self::softmax_with), awaited.
    ///
    /// # Errors
    /// As [`softmax_with`](Self::softmax_with).
    pub async fn softmax_with_async(&self, logits: &Logits<'_>, transform: &LogitTransform<'_>) -> Result<Vec<f32>> {
        self.matrix(&SOFTMAX_KERNEL, logits, transform).await
    }

    /// [`softmax_with`](Self::softmax_with), rounded to `T` on the device: half the bytes come back if it is `f16` or `bf16`. What is
    /// below the smallest number of `T` becomes 0.
    ///
    /// # Errors
    /// As [`softmax_with`](Self::softmax_with).
    pub fn softmax_as<T: Element>(&self, logits: &Logits<'_>, transform: &LogitTransform<'_>) -> Result<Vec<T>> {
        pollster::block_on(self.blocking().softmax_as_async(logits, transform))
    }

    /// [`softmax_as`](Self::softmax_as), awaited.
    ///
    /// # Errors
    /// As [`softmax_with`](Self::softmax_with).
    pub async fn softmax_as_async<T: Element>(&self, logits: &Logits<'_>, transform: &LogitTransform<'_>) -> Result<Vec<T>> {
        self.matrix(&SOFTMAX_KERNEL, logits, transform).await
    }

    /// [`softmax_as`](Self::softmax_as) into memory of the caller, dense, of the logits' shape: used again, it spares each call the
    /// time to touch fresh memory. After an error it holds anything.
    ///
    /// # Errors
    /// As [`softmax_with`](Self::softmax_with), and [`Error::Length`] unless there is room for exactly the result.
    pub fn softmax_into<T: Element>(&self, logits: &Logits<'_>, transform: &LogitTransform<'_>, result: &mut [T]) -> Result<()> {
        pollster::block_on(self.blocking().softmax_into_async(logits, transform, result))
    }

    /// [`softmax_into`](Self::softmax_into), awaited.
    ///
    /// # Errors
    /// As [`softmax_into`](Self::softmax_into).
    pub async fn softmax_into_async<T: Element>(
        &self,
        logits: &Logits<'_>,
        transform: &LogitTransform<'_>,
        result: &mut [T],
    ) -> Result<()> {
        check_len("result", result.len(), logits.rows() * logits.classes())?;
        transform.check(logits.rows(), logits.classes())?;
        let mut job = Job::new(&SOFTMAX_KERNEL, logits).elements::<T>();
        job.transform(transform);
        run_into(self, &job, Some(bytemuck::cast_slice_mut(result))).await.map(drop)
    }

    /// Log-softmax of each row: `(x_c - max x) - log Σ exp(x - max x)`, in nats.
    ///
    /// **Shapes.** As [`softmax`](Self::softmax). **Range.** 0 and below.
    /// **Edge cases.** -inf gives -inf. A row with NaN or +inf, or of -inf alone, gives NaN throughout.
    /// **Accuracy.** Error below 1e-6 of `1 + |y|`; relative error below 1e-6 for the largest class, however close to 0 it is.
    ///
    /// # Errors
    /// As [`softmax`](Self::softmax).
    pub fn log_softmax(&self, logits: &Logits<'_>) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().log_softmax_async(logits))
    }

    /// [`log_softmax`](Self::log_softmax), awaited.
    ///
    /// # Errors
    /// As [`log_softmax`](Self::log_softmax).
    pub async fn log_softmax_async(&self, logits: &Logits<'_>) -> Result<Vec<f32>> {
        self.log_softmax_with_async(logits, &LogitTransform::new()).await
    }

    /// [`log_softmax`](Self::log_softmax) of transformed logits. A class that does not take part gives -inf.
    ///
    /// # Errors
    /// As [`softmax_with`](Self::softmax_with).
    pub fn log_softmax_with(&self, logits: &Logits<'_>, transform: &LogitTransform<'_>) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().log_softmax_with_async(logits, transform))
    }

    /// [`log_softmax_with`](Self::log_softmax_with), awaited.
    ///
    /// # Errors
    /// As [`log_softmax_with`](Self::log_softmax_with).
    pub async fn log_softmax_with_async(&self, logits: &Logits<'_>, transform: &LogitTransform<'_>) -> Result<Vec<f32>> {
        self.matrix(&LOG_SOFTMAX_KERNEL, logits, transform).await
    }

    /// [`log_softmax_with`](Self::log_softmax_with), rounded to `T` on the device: half the bytes come back if it is `f16` or `bf16`. What is
    /// below the smallest number of `T` becomes 0.
    ///
    /// # Errors
    /// As [`log_softmax_with`](Self::log_softmax_with).
    pub fn log_softmax_as<T: Element>(&self, logits: &Logits<'_>, transform: &LogitTransform<'_>) -> Result<Vec<T>> {
        pollster::block_on(self.blocking().log_softmax_as_async(logits, transform))
    }

    /// [`log_softmax_as`](Self::log_softmax_as), awaited.
    ///
    /// # Errors
    /// As [`log_softmax_with`](Self::log_softmax_with).
    pub async fn log_softmax_as_async<T: Element>(&self, logits: &Logits<'_>, transform: &LogitTransform<'_>) -> Result<Vec<T>> {
        self.matrix(&LOG_SOFTMAX_KERNEL, logits, transform).await
    }

    /// Log-sum-exp of each row: `max x + log Σ exp(x - max x)`.
    ///
    /// **Shapes.** Result: one value a row, the logits' shape without the classes.
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
    /// As [`logsumexp`](Self::logsumexp).
    pub async fn logsumexp_async(&self, logits: &Logits<'_>) -> Result<Vec<f32>> {
        self.logsumexp_with_async(logits, &LogitTransform::new()).await
    }

    /// [`logsumexp`](Self::logsumexp) of transformed logits, over the classes that take part; -inf if none does.
    ///
    /// # Errors
    /// As [`softmax_with`](Self::softmax_with).
    pub fn logsumexp_with(&self, logits: &Logits<'_>, transform: &LogitTransform<'_>) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().logsumexp_with_async(logits, transform))
    }

    /// [`logsumexp_with`](Self::logsumexp_with), awaited.
    ///
    /// # Errors
    /// As [`logsumexp_with`](Self::logsumexp_with).
    pub async fn logsumexp_with_async(&self, logits: &Logits<'_>, transform: &LogitTransform<'_>) -> Result<Vec<f32>> {
        transform.check(logits.rows(), logits.classes())?;
        let mut job = Job::new(&LOGSUMEXP_KERNEL, logits);
        job.transform(transform);
        job.output(RowOutput::Logsumexp, true);
        Ok(run(self, &job).await?.floats(RowOutput::Logsumexp))
    }

    /// The gradient of [`softmax`](Self::softmax): `p_c (u_c - Σ p u)`, from its result `p` and the upstream gradient `u`,
    /// both of the logits' shape. NaN in `p` or `u` makes the row NaN, and so does an infinite `u`.
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
        self.softmax_backward_with_async(probabilities, upstream, &LogitTransform::new()).await
    }

    /// The gradient of [`softmax_with`](Self::softmax_with) with respect to the logits: times the scale, and exactly 0 for classes
    /// that do not take part, whatever `p` and `u` hold there.
    ///
    /// # Errors
    /// [`Error::Options`] for a softcap, whose slope needs the logits, and those of [`softmax_backward`](Self::softmax_backward).
    pub fn softmax_backward_with(
        &self,
        probabilities: &Logits<'_>,
        upstream: &Logits<'_>,
        transform: &LogitTransform<'_>,
    ) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().softmax_backward_with_async(probabilities, upstream, transform))
    }

    /// [`softmax_backward_with`](Self::softmax_backward_with), awaited.
    ///
    /// # Errors
    /// As [`softmax_backward_with`](Self::softmax_backward_with).
    pub async fn softmax_backward_with_async(
        &self,
        probabilities: &Logits<'_>,
        upstream: &Logits<'_>,
        transform: &LogitTransform<'_>,
    ) -> Result<Vec<f32>> {
        self.backward(&SOFTMAX_BACKWARD_KERNEL, probabilities, upstream, transform).await
    }

    /// The gradient of [`log_softmax`](Self::log_softmax): `u_c - exp(y_c) Σ u`, from its result `y` and the upstream gradient
    /// `u`, both of the logits' shape. NaN in `y` stays NaN; a row with an infinite `u` becomes NaN.
    ///
    /// # Errors
    /// As [`softmax_backward`](Self::softmax_backward).
    pub fn log_softmax_backward(&self, log_probabilities: &Logits<'_>, upstream: &Logits<'_>) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().log_softmax_backward_async(log_probabilities, upstream))
    }

    /// [`log_softmax_backward`](Self::log_softmax_backward), awaited.
    ///
    /// # Errors
    /// As [`log_softmax_backward`](Self::log_softmax_backward).
    pub async fn log_softmax_backward_async(&self, log_probabilities: &Logits<'_>, upstream: &Logits<'_>) -> Result<Vec<f32>> {
        self.log_softmax_backward_with_async(log_probabilities, upstream, &LogitTransform::new()).await
    }

    /// The gradient of [`log_softmax_with`](Self::log_softmax_with) with respect to the logits: times the scale, and exactly 0 for
    /// classes that do not take part, whose `u` does not count.
    ///
    /// # Errors
    /// As [`softmax_backward_with`](Self::softmax_backward_with).
    pub fn log_softmax_backward_with(
        &self,
        log_probabilities: &Logits<'_>,
        upstream: &Logits<'_>,
        transform: &LogitTransform<'_>,
    ) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().log_softmax_backward_with_async(log_probabilities, upstream, transform))
    }

    /// [`log_softmax_backward_with`](Self::log_softmax_backward_with), awaited.
    ///
    /// # Errors
    /// As [`log_softmax_backward_with`](Self::log_softmax_backward_with).
    pub async fn log_softmax_backward_with_async(
        &self,
        log_probabilities: &Logits<'_>,
        upstream: &Logits<'_>,
        transform: &LogitTransform<'_>,
    ) -> Result<Vec<f32>> {
        self.backward(&LOG_SOFTMAX_BACKWARD_KERNEL, log_probabilities, upstream, transform).await
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
        self.logsumexp_backward_with_async(logits, logsumexp, upstream, &LogitTransform::new()).await
    }

    /// The gradient of [`logsumexp_with`](Self::logsumexp_with) with respect to the logits: exactly 0 for classes that do not take part.
    ///
    /// # Errors
    /// As [`logsumexp_backward`](Self::logsumexp_backward) and [`softmax_with`](Self::softmax_with).
    pub fn logsumexp_backward_with(
        &self,
        logits: &Logits<'_>,
        logsumexp: &[f32],
        upstream: &[f32],
        transform: &LogitTransform<'_>,
    ) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().logsumexp_backward_with_async(logits, logsumexp, upstream, transform))
    }

    /// [`logsumexp_backward_with`](Self::logsumexp_backward_with), awaited.
    ///
    /// # Errors
    /// As [`logsumexp_backward_with`](Self::logsumexp_backward_with).
    pub async fn logsumexp_backward_with_async(
        &self,
        logits: &Logits<'_>,
        logsumexp: &[f32],
        upstream: &[f32],
        transform: &LogitTransform<'_>,
    ) -> Result<Vec<f32>> {
        check_len("logsumexp", logsumexp.len(), logits.rows())?;
        check_len("upstream", upstream.len(), logits.rows())?;
        transform.check(logits.rows(), logits.classes())?;
        let mut job = Job::new(&LOGSUMEXP_BACKWARD_KERNEL, logits).elements::<f32>();
        job.transform(transform);
        job.row_floats(RowInput::Saved, logsumexp);
        job.row_floats(RowInput::Upstream, upstream);
        Ok(run(self, &job).await?.elements.take())
    }
}
