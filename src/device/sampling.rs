//! Sampling and the most probable classes at device level.

use super::Recording;
use crate::device_views::{DeviceMatrix, DeviceVector, TransformBuffers};
use crate::gpu::Gpu;
use crate::ops::{sampling, top_k};
use crate::sampling::check_k;
use crate::shader::{DRAW_KERNEL, TOP_K_KERNEL};
use crate::words::RowOutput;
use crate::{LogitTransform, Result, Sampling};

impl Gpu {
    /// Records [`sample`](Self::sample): one class a row, `u32`. The scales of the rows and the mask come from buffers, not from the
    /// options.
    ///
    /// # Errors
    /// As [`record_softmax_with`](Self::record_softmax_with).
    pub fn record_sample(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        logits: &DeviceMatrix<'_>,
        options: &Sampling<'_>,
        buffers: &TransformBuffers<'_>,
        output: DeviceVector<'_>,
    ) -> Result<()> {
        let mut recording = Recording::new(&DRAW_KERNEL, logits);
        recording.transform(&options.transform, buffers)?;
        options.check(logits.rows, logits.classes)?;
        sampling::set_params(&mut recording.params, options, logits.classes);
        let (before, planes) = sampling::passes(&recording.params);
        recording.before = before;
        for &plane in planes {
            recording.output(plane, "classes", (plane == RowOutput::Argmax).then_some(output))?;
        }
        recording.record(self, encoder)
    }

    /// Records [`top_k_log_probs`](Self::top_k_log_probs): `rows * k` classes, `u32`, and their log-probabilities.
    ///
    /// # Errors
    /// As [`record_softmax_with`](Self::record_softmax_with).
    pub fn record_top_k_log_probs(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        logits: &DeviceMatrix<'_>,
        k: u32,
        transform: &LogitTransform<'_>,
        buffers: &TransformBuffers<'_>,
        outputs: (DeviceVector<'_>, DeviceVector<'_>),
    ) -> Result<()> {
        let mut recording = Recording::new(&TOP_K_KERNEL, logits);
        recording.transform(transform, buffers)?;
        check_k(k, logits.classes)?;
        for (what, output) in [("classes", &outputs.0), ("log-probabilities", &outputs.1)] {
            output.check_output(what, (logits.rows as u64).saturating_mul(u64::from(k)))?;
        }
        if k == 0 {
            return Ok(());
        }
        recording.before = top_k::passes(&mut recording.params, k);
        recording.lists = Some((k, [outputs.0, outputs.1]));
        for plane in top_k::PLANES {
            recording.output(plane, "", None)?;
        }
        recording.record(self, encoder)
    }
}
