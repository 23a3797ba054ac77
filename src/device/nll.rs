//! The negative log-likelihood at device level.

use super::Recording;
use super::cross_entropy::{PendingSummary, ignore_bits, numbers_of};
use crate::device_views::{DeviceMatrix, DeviceVector, Output};
use crate::gpu::Gpu;
use crate::ops::nll::check_options;
use crate::ops::settings::set_params;
use crate::options::{CrossEntropy, Reduction};
use crate::shader::NLL_KERNEL;
use crate::summary::{LOSS_OFFSET, new_summary};
use crate::words::{ClassInput, RowInput, RowOutput};
use crate::{Error, Result};

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
    /// An `f32` upstream factor for each row; with [`Reduction::None`] only.
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
    /// [`Error::Options`] for an option of no use here, [`Error::Length`] or [`Error::Buffer`] for wrong buffers,
    /// [`Error::IgnoreIndex`] if 32-bit targets cannot hold it, and those of [`record_softmax`](Self::record_softmax).
    pub fn record_nll_loss(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        buffers: &NllBuffers<'_>,
        options: &CrossEntropy<'_>,
    ) -> Result<PendingSummary> {
        check_options(options)?;
        let options = numbers_of(options)?;
        let input = buffers.log_probs;
        let classes = input.classes as u64;
        options.check(input.rows, input.classes, false)?;
        if buffers.upstream.is_some() && options.reduction != Reduction::None {
            return Err(Error::Options(format!("an upstream gradient for each row needs reduction none, not {:?}", options.reduction)));
        }
        if let Some(loss) = buffers.loss {
            if options.reduction == Reduction::None {
                return Err(Error::Options("with reduction none there is no reduced loss to write".into()));
            }
            loss.check_output("loss", 1)?;
        }
        buffers.denominator.map_or(Ok(()), |denominator| denominator.check_input("denominator", 1))?;

        let mut recording = Recording::new(&NLL_KERNEL, &input);
        let ignore_index = options.ignore_index.map(ignore_bits).transpose()?;
        set_params(&mut recording.params, &options, classes, ignore_index);
        recording.features.weighted = buffers.class_weights.is_some();
        recording.row_input(RowInput::Targets, "targets", Some(buffers.targets))?;
        recording.class_input(ClassInput::Weights, "class_weights", buffers.class_weights, classes)?;
        recording.row_input(RowInput::Weights, "row_weights", buffers.row_weights)?;
        recording.row_input(RowInput::Upstream, "upstream", buffers.upstream)?;
        recording.output(RowOutput::Loss, "row_loss", buffers.row_loss)?;
        recording.matrices.result = buffers.gradient.map(|gradient| gradient.resolve(&input, &[])).transpose()?;
        recording.denominator = buffers.denominator;
        let summary = new_summary(self, options.reduction, input.rows)?;
        recording.summary = Some(&summary);
        recording.record(self, encoder)?;
        if let Some(loss) = buffers.loss {
            encoder.copy_buffer_to_buffer(&summary, LOSS_OFFSET, loss.buffer, loss.offset, 4);
        }
        Ok(PendingSummary { buffer: summary, classes: input.classes, options, hard: true })
    }
}
