//! The logistic function, and the losses that are sums over elements, at device level.

use super::Recording;
use crate::device_views::{DeviceMatrix, DeviceVector, Output};
use crate::elementwise::ElementLoss;
use crate::gpu::Gpu;
use crate::ops::elementwise::set_reduction;
use crate::shader::{
    BINARY_CROSS_ENTROPY_KERNEL, DISTRIBUTION_CROSS_ENTROPY_KERNEL, ENTROPY_KERNEL, KL_DIV_KERNEL, KL_DIV_LOG_KERNEL, Kernel,
    SIGMOID_BACKWARD_KERNEL, SIGMOID_KERNEL, Writes,
};
use crate::summary::{LOSS_OFFSET, SummaryWords, new_summary};
use crate::words::{ClassInput, RowOutput};
use crate::{Error, Result};

/// The matrices and results of a loss that is a sum over elements. Which results there are follows from which buffers are given, not
/// from the options. Each matrix of results takes a pass over the inputs; one at most can be [`Output::InPlace`].
#[derive(Clone, Copy, Debug)]
pub struct ElementLossBuffers<'a> {
    /// The logits, log-probabilities or probabilities.
    pub input: DeviceMatrix<'a>,
    /// The targets, of the same shape; of cross-entropy between distributions the prediction.
    pub targets: Option<DeviceMatrix<'a>>,
    /// Where the reduced loss goes, one `f32`.
    pub loss: Option<DeviceVector<'a>>,
    /// Where the sums of the rows go.
    pub row_loss: Option<DeviceVector<'a>>,
    /// Where the losses of the elements go.
    pub elements: Option<Output<'a>>,
    /// Where the gradient goes.
    pub gradient: Option<Output<'a>>,
    /// Where the gradient with respect to the targets goes.
    pub target_gradient: Option<Output<'a>>,
}

impl<'a> ElementLossBuffers<'a> {
    /// Without any result. Entropy has no targets.
    #[must_use]
    pub fn new(input: DeviceMatrix<'a>, targets: impl Into<Option<DeviceMatrix<'a>>>) -> Self {
        let targets = targets.into();
        Self { input, targets, loss: None, row_loss: None, elements: None, gradient: None, target_gradient: None }
    }

    /// What is to be written, and where; a result that replaces the input last.
    fn matrices(&self) -> Result<Vec<(Writes, Output<'a>)>> {
        let all = [(Writes::Values, self.elements), (Writes::Gradient, self.gradient), (Writes::TargetGradient, self.target_gradient)];
        let mut wanted: Vec<_> = all.into_iter().filter_map(|(writes, output)| Some((writes, output?))).collect();
        wanted.sort_by_key(|(_, output)| matches!(output, Output::InPlace));
        if wanted.iter().filter(|(_, output)| matches!(output, Output::InPlace)).count() > 1 {
            let problem = "two results cannot both replace the input".into();
            return Err(Error::Buffer { what: "the result", problem });
        }
        Ok(wanted)
    }
}

/// Weights of binary cross-entropy's elements in buffers.
#[derive(Clone, Copy, Debug)]
pub enum DeviceWeights<'a> {
    /// One for each class.
    Classes(DeviceVector<'a>),
    /// One for each element, in the logits' shape.
    Elements(DeviceMatrix<'a>),
}

impl Gpu {
    /// Records [`sigmoid`](Self::sigmoid).
    ///
    /// # Errors
    /// As [`record_softmax`](Self::record_softmax).
    pub fn record_sigmoid(&self, encoder: &mut wgpu::CommandEncoder, x: &DeviceMatrix<'_>, output: Output<'_>) -> Result<()> {
        let mut recording = Recording::new(&SIGMOID_KERNEL, x);
        recording.matrices.result = Some(output.resolve(x, &[])?);
        recording.record(self, encoder)
    }

    /// Records [`sigmoid_backward`](Self::sigmoid_backward).
    ///
    /// # Errors
    /// As [`record_softmax`](Self::record_softmax).
    pub fn record_sigmoid_backward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        y: &DeviceMatrix<'_>,
        upstream: &DeviceMatrix<'_>,
        output: Output<'_>,
    ) -> Result<()> {
        y.same_shape("upstream", upstream)?;
        let mut recording = Recording::new(&SIGMOID_BACKWARD_KERNEL, y);
        recording.matrices.second = Some(upstream.matrix());
        recording.matrices.result = Some(output.resolve(y, &[upstream.buffer])?);
        recording.record(self, encoder)
    }

    /// Records [`binary_cross_entropy_with_logits`](Self::binary_cross_entropy_with_logits), with weights from buffers.
    ///
    /// # Errors
    /// [`Error::Options`] for a loss without a reduction, and for results that there are not; and those of
    /// [`record_softmax`](Self::record_softmax).
    pub fn record_binary_cross_entropy_with_logits(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        buffers: &ElementLossBuffers<'_>,
        weight: Option<DeviceWeights<'_>>,
        pos_weight: Option<DeviceVector<'_>>,
        options: &ElementLoss,
    ) -> Result<()> {
        if buffers.target_gradient.is_some() {
            return Err(Error::Options("binary cross-entropy has no gradient with respect to its targets here".into()));
        }
        let input = buffers.input;
        let mut recording = Recording::new(&BINARY_CROSS_ENTROPY_KERNEL, &input);
        let mut others = Vec::new();
        match weight {
            Some(DeviceWeights::Classes(weights)) => {
                recording.features.weighted = true;
                recording.class_input(ClassInput::Weights, "weight", Some(weights), input.classes as u64)?;
            }
            Some(DeviceWeights::Elements(weights)) => {
                input.same_shape("weight", &weights)?;
                recording.features.element_weights = true;
                recording.matrices.third = Some(weights.matrix());
                others.push(weights.buffer);
            }
            None => {}
        }
        recording.features.pos_weights = pos_weight.is_some();
        recording.class_input(ClassInput::PosWeights, "pos_weight", pos_weight, input.classes as u64)?;
        self.record_element_loss(encoder, recording, buffers, others, options)
    }

    /// Records [`kl_div`](Self::kl_div).
    ///
    /// # Errors
    /// As [`record_binary_cross_entropy_with_logits`](Self::record_binary_cross_entropy_with_logits).
    pub fn record_kl_div(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        buffers: &ElementLossBuffers<'_>,
        log_target: bool,
        options: &ElementLoss,
    ) -> Result<()> {
        let kernel: &'static Kernel = if log_target { &KL_DIV_LOG_KERNEL } else { &KL_DIV_KERNEL };
        self.record_element_loss(encoder, Recording::new(kernel, &buffers.input), buffers, Vec::new(), options)
    }

    /// Records [`entropy`](Self::entropy).
    ///
    /// # Errors
    /// [`Error::Options`] for targets or a gradient with respect to them, and as
    /// [`record_binary_cross_entropy_with_logits`](Self::record_binary_cross_entropy_with_logits).
    pub fn record_entropy(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        buffers: &ElementLossBuffers<'_>,
        options: &ElementLoss,
    ) -> Result<()> {
        if buffers.targets.is_some() || buffers.target_gradient.is_some() {
            return Err(Error::Options("entropy has no targets, and no gradient with respect to them".into()));
        }
        self.record_element_loss(encoder, Recording::new(&ENTROPY_KERNEL, &buffers.input), buffers, Vec::new(), options)
    }

    /// Records [`distribution_cross_entropy`](Self::distribution_cross_entropy): `targets` are the prediction `q`, and `gradient` is
    /// that with respect to it.
    ///
    /// # Errors
    /// As [`record_binary_cross_entropy_with_logits`](Self::record_binary_cross_entropy_with_logits).
    pub fn record_distribution_cross_entropy(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        buffers: &ElementLossBuffers<'_>,
        options: &ElementLoss,
    ) -> Result<()> {
        let recording = Recording::new(&DISTRIBUTION_CROSS_ENTROPY_KERNEL, &buffers.input);
        self.record_element_loss(encoder, recording, buffers, Vec::new(), options)
    }

    /// Records a pass for each matrix that is wanted; the sums come with the first. `others` are the buffers of further inputs.
    fn record_element_loss<'a>(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        mut recording: Recording<'a>,
        buffers: &ElementLossBuffers<'a>,
        mut others: Vec<&'a wgpu::Buffer>,
        options: &ElementLoss,
    ) -> Result<()> {
        let input = buffers.input;
        match (buffers.targets, recording.kernel.reads_second) {
            (Some(targets), _) => {
                input.same_shape("targets", &targets)?;
                recording.matrices.second = Some(targets.matrix());
                others.push(targets.buffer);
            }
            (None, true) => return Err(Error::Options("there are no targets".into())),
            (None, false) => {}
        }
        let reduction = set_reduction(&mut recording.params, options, input.rows, input.classes)?;
        let summary = match (buffers.loss, reduction) {
            (Some(_), None) => return Err(Error::Options("with reduction none there is no reduced loss to write".into())),
            (Some(loss), Some(_)) => {
                loss.check_output("loss", 1)?;
                Some((loss, new_summary(self, input.rows, SummaryWords { loss: options.of_no_rows(), ..SummaryWords::default() })?))
            }
            (None, _) => None,
        };
        let mut passes = Vec::new();
        for (writes, output) in buffers.matrices()? {
            passes.push((writes, Some(output.resolve(&input, &others)?)));
        }
        if passes.is_empty() && (buffers.loss.is_some() || buffers.row_loss.is_some()) {
            passes.push((Writes::Values, None));
        }
        for (i, (writes, result)) in passes.into_iter().enumerate() {
            let mut pass = recording.clone();
            pass.features.writes = writes;
            pass.matrices.result = result;
            if i == 0 && (summary.is_some() || buffers.row_loss.is_some()) {
                pass.output(RowOutput::Loss, "row_loss", buffers.row_loss)?;
                pass.summary = summary.as_ref().map(|(_, summary)| summary);
            }
            pass.record(self, encoder)?;
        }
        if let Some((loss, summary)) = &summary {
            encoder.copy_buffer_to_buffer(summary, LOSS_OFFSET, loss.buffer, loss.offset, 4);
        }
        Ok(())
    }
}
