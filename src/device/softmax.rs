//! Softmax, log-softmax, log-sum-exp and their gradients at device level.

use super::Recording;
use crate::device_views::{DeviceMatrix, DeviceVector, Output, TransformBuffers};
use crate::gpu::Gpu;
use crate::shader::{
    Kernel, LOG_SOFTMAX_BACKWARD_KERNEL, LOG_SOFTMAX_KERNEL, LOGSUMEXP_BACKWARD_KERNEL, LOGSUMEXP_KERNEL, SOFTMAX_BACKWARD_KERNEL,
    SOFTMAX_KERNEL,
};
use crate::words::{RowInput, RowOutput};
use crate::{Error, LogitTransform, Result};

/// No transform and no buffers for one.
const PLAIN: (LogitTransform<'static>, TransformBuffers<'static>) = (
    LogitTransform { scale: crate::Factor::Scalar(1.0), is_temperature: false, softcap: None, mask: None },
    TransformBuffers { scales: None, mask: None },
);

impl Gpu {
    /// Records [`softmax`](Self::softmax).
    ///
    /// # Errors
    /// [`Error::Length`] or [`Error::Buffer`] for a wrong output, [`Error::TooLarge`], [`Error::Strategy`], [`Error::OutOfMemory`].
    pub fn record_softmax(&self, encoder: &mut wgpu::CommandEncoder, logits: &DeviceMatrix<'_>, output: Output<'_>) -> Result<()> {
        self.record_softmax_with(encoder, logits, &PLAIN.0, &PLAIN.1, output)
    }

    /// Records [`softmax_with`](Self::softmax_with).
    ///
    /// # Errors
    /// As [`record_softmax`](Self::record_softmax), and [`Error::Value`] or [`Error::Options`] for a wrong transform.
    pub fn record_softmax_with(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        logits: &DeviceMatrix<'_>,
        transform: &LogitTransform<'_>,
        buffers: &TransformBuffers<'_>,
        output: Output<'_>,
    ) -> Result<()> {
        self.record_matrix(encoder, &SOFTMAX_KERNEL, logits, None, (transform, buffers), output)
    }

    /// Records [`log_softmax`](Self::log_softmax).
    ///
    /// # Errors
    /// As [`record_softmax`](Self::record_softmax).
    pub fn record_log_softmax(&self, encoder: &mut wgpu::CommandEncoder, logits: &DeviceMatrix<'_>, output: Output<'_>) -> Result<()> {
        self.record_log_softmax_with(encoder, logits, &PLAIN.0, &PLAIN.1, output)
    }

    /// Records [`log_softmax_with`](Self::log_softmax_with).
    ///
    /// # Errors
    /// As [`record_softmax_with`](Self::record_softmax_with).
    pub fn record_log_softmax_with(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        logits: &DeviceMatrix<'_>,
        transform: &LogitTransform<'_>,
        buffers: &TransformBuffers<'_>,
        output: Output<'_>,
    ) -> Result<()> {
        self.record_matrix(encoder, &LOG_SOFTMAX_KERNEL, logits, None, (transform, buffers), output)
    }

    /// Records [`softmax_backward`](Self::softmax_backward).
    ///
    /// # Errors
    /// As [`record_softmax`](Self::record_softmax).
    pub fn record_softmax_backward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        probabilities: &DeviceMatrix<'_>,
        upstream: &DeviceMatrix<'_>,
        output: Output<'_>,
    ) -> Result<()> {
        self.record_softmax_backward_with(encoder, probabilities, upstream, &PLAIN.0, &PLAIN.1, output)
    }

    /// Records [`softmax_backward_with`](Self::softmax_backward_with).
    ///
    /// # Errors
    /// As [`record_softmax_with`](Self::record_softmax_with).
    pub fn record_softmax_backward_with(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        probabilities: &DeviceMatrix<'_>,
        upstream: &DeviceMatrix<'_>,
        transform: &LogitTransform<'_>,
        buffers: &TransformBuffers<'_>,
        output: Output<'_>,
    ) -> Result<()> {
        self.record_matrix(encoder, &SOFTMAX_BACKWARD_KERNEL, probabilities, Some(upstream), (transform, buffers), output)
    }

    /// Records [`log_softmax_backward`](Self::log_softmax_backward).
    ///
    /// # Errors
    /// As [`record_softmax`](Self::record_softmax).
    pub fn record_log_softmax_backward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        log_probabilities: &DeviceMatrix<'_>,
        upstream: &DeviceMatrix<'_>,
        output: Output<'_>,
    ) -> Result<()> {
        self.record_log_softmax_backward_with(encoder, log_probabilities, upstream, &PLAIN.0, &PLAIN.1, output)
    }

    /// Records [`log_softmax_backward_with`](Self::log_softmax_backward_with).
    ///
    /// # Errors
    /// As [`record_softmax_with`](Self::record_softmax_with).
    pub fn record_log_softmax_backward_with(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        log_probabilities: &DeviceMatrix<'_>,
        upstream: &DeviceMatrix<'_>,
        transform: &LogitTransform<'_>,
        buffers: &TransformBuffers<'_>,
        output: Output<'_>,
    ) -> Result<()> {
        self.record_matrix(encoder, &LOG_SOFTMAX_BACKWARD_KERNEL, log_probabilities, Some(upstream), (transform, buffers), output)
    }

    fn record_matrix(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        kernel: &'static Kernel,
        input: &DeviceMatrix<'_>,
        second: Option<&DeviceMatrix<'_>>,
        (transform, buffers): (&LogitTransform<'_>, &TransformBuffers<'_>),
        output: Output<'_>,
    ) -> Result<()> {
        if let Some(second) = second {
            input.same_shape("upstream", second)?;
            if transform.softcap.is_some() {
                return Err(Error::Options("the gradient of a softcap needs the logits, not only the result".into()));
            }
        }
        let mut recording = Recording::new(kernel, input);
        recording.transform(transform, buffers)?;
        recording.matrices.second = second.map(DeviceMatrix::matrix);
        let mask = recording.mask.map(|mask| mask.buffer);
        let others: Vec<_> = second.map(|s| s.buffer).into_iter().chain(mask).collect();
        recording.matrices.result = Some(output.resolve(input, &others)?);
        recording.record(self, encoder)
    }

    /// Records [`logsumexp`](Self::logsumexp).
    ///
    /// # Errors
    /// As [`record_softmax`](Self::record_softmax).
    pub fn record_logsumexp(&self, encoder: &mut wgpu::CommandEncoder, logits: &DeviceMatrix<'_>, output: DeviceVector<'_>) -> Result<()> {
        self.record_logsumexp_with(encoder, logits, &PLAIN.0, &PLAIN.1, output)
    }

    /// Records [`logsumexp_with`](Self::logsumexp_with).
    ///
    /// # Errors
    /// As [`record_softmax_with`](Self::record_softmax_with).
    pub fn record_logsumexp_with(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        logits: &DeviceMatrix<'_>,
        transform: &LogitTransform<'_>,
        buffers: &TransformBuffers<'_>,
        output: DeviceVector<'_>,
    ) -> Result<()> {
        let mut recording = Recording::new(&LOGSUMEXP_KERNEL, logits);
        recording.transform(transform, buffers)?;
        recording.output(RowOutput::Logsumexp, "logsumexp", Some(output))?;
        recording.record(self, encoder)
    }

    /// Records [`logsumexp_backward`](Self::logsumexp_backward).
    ///
    /// # Errors
    /// As [`record_softmax`](Self::record_softmax).
    pub fn record_logsumexp_backward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        logits: &DeviceMatrix<'_>,
        logsumexp: DeviceVector<'_>,
        upstream: DeviceVector<'_>,
        output: Output<'_>,
    ) -> Result<()> {
        self.record_logsumexp_backward_with(encoder, logits, (logsumexp, upstream), &PLAIN.0, &PLAIN.1, output)
    }

    /// Records [`logsumexp_backward_with`](Self::logsumexp_backward_with): `rows` are the log-sum-exps and the upstream factors.
    ///
    /// # Errors
    /// As [`record_softmax_with`](Self::record_softmax_with).
    pub fn record_logsumexp_backward_with(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        logits: &DeviceMatrix<'_>,
        rows: (DeviceVector<'_>, DeviceVector<'_>),
        transform: &LogitTransform<'_>,
        buffers: &TransformBuffers<'_>,
        output: Output<'_>,
    ) -> Result<()> {
        let mut recording = Recording::new(&LOGSUMEXP_BACKWARD_KERNEL, logits);
        recording.transform(transform, buffers)?;
        recording.row_input(RowInput::Saved, "logsumexp", Some(rows.0))?;
        recording.row_input(RowInput::Upstream, "upstream", Some(rows.1))?;
        let others: Vec<_> = recording.mask.map(|mask| mask.buffer).into_iter().collect();
        recording.matrices.result = Some(output.resolve(logits, &others)?);
        recording.record(self, encoder)
    }
}
