//! The negative log-likelihood at device level.

use super::Recording;
use super::loss::{Coefficients, PendingSummary, ignore_bits, numbers_of, record_reduced};
use crate::Result;
use crate::device_views::{DeviceMatrix, DeviceVector, Output};
use crate::gpu::Gpu;
use crate::ops::settings::set_params;
use crate::options::CrossEntropy;
use crate::shader::NLL_KERNEL;
use crate::words::{RowInput, RowOutput};

/// The buffers of a negative log-likelihood. Which results there are follows from which buffers are given.
#[derive(Clone, Copy, Debug)]
pub struct NllBuffers<'a> {
    /// The log-probabilities.
    pub log_probs: DeviceMatrix<'a>,
    /// A class index a row, `u32` or `i32`.
    pub targets: DeviceVector<'a>,
    /// An `f32` weight for each class.
    pub class_weights: Option<DeviceVector<'a>>,
    /// An `f32` weight for each row.
    pub row_weights: Option<DeviceVector<'a>>,
    /// An `f32` upstream factor for each row; with [`Reduction::None`](crate::Reduction::None) only.
    pub upstream: Option<DeviceVector<'a>>,
    /// What a mean divides by, one `f32`, instead of the options' [`Denominator`](crate::Denominator).
    pub denominator: Option<DeviceVector<'a>>,
    /// Where the reduced loss goes, one `f32`.
    pub loss: Option<DeviceVector<'a>>,
    /// Where the losses of the rows go.
    pub row_loss: Option<DeviceVector<'a>>,
    /// Where the gradient goes.
    pub gradient: Option<Output<'a>>,
}

impl<'a> NllBuffers<'a> {
    /// Without weights, and without any result but the summary.
    #[must_use]
    pub fn new(log_probs: DeviceMatrix<'a>, targets: DeviceVector<'a>) -> Self {
        Self {
            log_probs,
            targets,
            class_weights: None,
            row_weights: None,
            upstream: None,
            denominator: None,
            loss: None,
            row_loss: None,
            gradient: None,
        }
    }
}

impl Gpu {
    /// Records [`nll_loss`](Self::nll_loss). Of the options their numbers count; what is longer, and which results there are, the buffers
    /// say.
    ///
    /// Targets are checked by the kernels: [`PendingSummary::read`] reports a wrong one, whose row's loss and gradient are NaN.
    ///
    /// # Errors
    /// [`Error::Options`](crate::Error::Options) for an option of no use here, [`Error::Length`](crate::Error::Length) or [`Error::Buffer`](crate::Error::Buffer) for wrong buffers,
    /// [`Error::IgnoreIndex`](crate::Error::IgnoreIndex) if 32-bit targets cannot hold it, and those of [`record_softmax`](Self::record_softmax).
    pub fn record_nll_loss(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        buffers: &NllBuffers<'_>,
        options: &CrossEntropy<'_>,
    ) -> Result<PendingSummary> {
        options.check_without_logits()?;
        let options = numbers_of(options)?;
        let input = buffers.log_probs;
        options.check(input.rows, input.classes, false)?;
        let mut recording = Recording::new(&NLL_KERNEL, &input);
        let ignore_index = options.ignore_index.map(ignore_bits).transpose()?;
        set_params(&mut recording.params, &options, input.classes as u64, ignore_index);
        recording.row_input(RowInput::Targets, "targets", Some(buffers.targets))?;
        let NllBuffers { class_weights, row_weights, upstream, .. } = *buffers;
        Coefficients { class_weights, row_weights, upstream }.give(&mut recording, input.classes, options.reduction)?;
        recording.output(RowOutput::Loss, "row_loss", buffers.row_loss)?;
        recording.matrices.result = buffers.gradient.map(|gradient| gradient.resolve(&input, &[])).transpose()?;
        record_reduced(self, encoder, recording, (buffers.denominator, buffers.loss), (options, input.classes, true))
    }
}
