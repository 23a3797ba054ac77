//! Log-sum-exp with factors of either sign at device level.

use super::Recording;
use crate::device_views::{DeviceMatrix, DeviceVector, Output, TransformBuffers};
use crate::gpu::Gpu;
use crate::shader::{SIGNED_LOGSUMEXP_BACKWARD_KERNEL, SIGNED_LOGSUMEXP_KERNEL};
use crate::words::{RowInput, RowOutput};
use crate::{LogitTransform, Result};

impl Gpu {
    /// Records [`signed_logsumexp`](Self::signed_logsumexp): `outputs` are the logarithms and the signs.
    ///
    /// # Errors
    /// As [`record_softmax_with`](Self::record_softmax_with).
    pub fn record_signed_logsumexp(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        (logits, b): (&DeviceMatrix<'_>, &DeviceMatrix<'_>),
        transform: &LogitTransform<'_>,
        buffers: &TransformBuffers<'_>,
        outputs: (DeviceVector<'_>, DeviceVector<'_>),
    ) -> Result<()> {
        logits.same_shape("b", b)?;
        let mut recording = Recording::new(&SIGNED_LOGSUMEXP_KERNEL, logits);
        recording.transform(transform, buffers)?;
        recording.matrices.second = Some(b.matrix());
        recording.output(RowOutput::Logsumexp, "logsumexp", Some(outputs.0))?;
        recording.output(RowOutput::Sign, "sign", Some(outputs.1))?;
        recording.record(self, encoder)
    }

    /// Records [`signed_logsumexp_backward`](Self::signed_logsumexp_backward): `rows` are the logarithms, the signs and the upstream
    /// factors.
    ///
    /// # Errors
    /// As [`record_softmax_with`](Self::record_softmax_with).
    pub fn record_signed_logsumexp_backward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        (logits, b): (&DeviceMatrix<'_>, &DeviceMatrix<'_>),
        rows: [DeviceVector<'_>; 3],
        transform: &LogitTransform<'_>,
        buffers: &TransformBuffers<'_>,
        output: Output<'_>,
    ) -> Result<()> {
        logits.same_shape("b", b)?;
        let mut recording = Recording::new(&SIGNED_LOGSUMEXP_BACKWARD_KERNEL, logits);
        recording.transform(transform, buffers)?;
        recording.matrices.second = Some(b.matrix());
        let inputs = [(RowInput::Saved, "logsumexp"), (RowInput::SavedSign, "sign"), (RowInput::Upstream, "upstream")];
        for ((input, what), values) in inputs.into_iter().zip(rows) {
            recording.row_input(input, what, Some(values))?;
        }
        let others: Vec<_> = recording.mask.map(|mask| mask.buffer).into_iter().chain([b.buffer]).collect();
        recording.matrices.result = Some(output.resolve(logits, &others)?);
        recording.record(self, encoder)
    }
}
