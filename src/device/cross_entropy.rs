//! Cross-entropy at device level.

use super::Recording;
use super::loss::{Coefficients, PendingSummary, ignore_bits, numbers_of, record_reduced};
use crate::device_views::{DeviceMatrix, DeviceVector, Output, TransformBuffers};
use crate::gpu::Gpu;
use crate::ops::settings::{set_features, set_params, wants_rank};
use crate::options::{CrossEntropy, Outputs};
use crate::plan::STATS_BYTES;
use crate::shader::CROSS_ENTROPY_KERNEL;
use crate::words::{RowInput, RowOutput};
use crate::{Error, Result};

/// The targets of a device-level cross-entropy.
#[derive(Clone, Copy, Debug)]
pub enum DeviceTargets<'a> {
    /// A class index a row, `u32` or `i32`.
    Indices(DeviceVector<'a>),
    /// Probabilities of the logits' shape.
    Probabilities(DeviceMatrix<'a>),
}

/// The buffers of a cross-entropy call. Which results there are follows from which buffers are given, not from the options.
#[derive(Clone, Copy, Debug)]
pub struct CrossEntropyBuffers<'a> {
    /// The logits.
    pub logits: DeviceMatrix<'a>,
    /// The targets.
    pub targets: DeviceTargets<'a>,
    /// Scales and class masks.
    pub transform: TransformBuffers<'a>,
    /// An `f32` weight for each class.
    pub class_weights: Option<DeviceVector<'a>>,
    /// An `f32` weight for each row.
    pub row_weights: Option<DeviceVector<'a>>,
    /// An `f32` upstream factor for each row; with [`Reduction::None`](crate::Reduction::None) only.
    pub upstream: Option<DeviceVector<'a>>,
    /// What a mean divides by, one `f32`, instead of the options' [`Denominator`](crate::Denominator): for gradient accumulation.
    pub denominator: Option<DeviceVector<'a>>,
    /// States of the rows, of an earlier pass over these logits or merged from pieces of the vocabulary: the pass over the logits
    /// for them is spared. One [`RowState`](crate::RowState) a row.
    pub states: Option<DeviceVector<'a>>,
    /// Where the reduced loss goes, one `f32`.
    pub loss: Option<DeviceVector<'a>>,
    /// Where the losses of the rows go.
    pub row_loss: Option<DeviceVector<'a>>,
    /// Where the log-sum-exps of the rows go.
    pub logsumexp: Option<DeviceVector<'a>>,
    /// Where the log-probabilities of the targets go.
    pub log_prob: Option<DeviceVector<'a>>,
    /// Where the argmax of the rows goes, `u32`.
    pub argmax: Option<DeviceVector<'a>>,
    /// Where the ranks of the targets go, `u32`.
    pub rank: Option<DeviceVector<'a>>,
    /// Where the entropies of the rows go.
    pub entropy: Option<DeviceVector<'a>>,
    /// Where the z-loss parts of the rows go.
    pub row_z_loss: Option<DeviceVector<'a>>,
    /// Where the gradient goes.
    pub gradient: Option<Output<'a>>,
    /// Where the gradient with respect to probabilities goes; only together with `gradient`.
    pub target_gradient: Option<DeviceMatrix<'a>>,
    /// Where the states of the rows go.
    pub new_states: Option<DeviceVector<'a>>,
}

impl<'a> CrossEntropyBuffers<'a> {
    /// Class indices as targets, without any result but the summary.
    #[must_use]
    pub fn new(logits: DeviceMatrix<'a>, targets: DeviceVector<'a>) -> Self {
        Self::with_targets(logits, DeviceTargets::Indices(targets))
    }

    /// Probabilities as targets, without any result but the summary.
    #[must_use]
    pub fn soft(logits: DeviceMatrix<'a>, probabilities: DeviceMatrix<'a>) -> Self {
        Self::with_targets(logits, DeviceTargets::Probabilities(probabilities))
    }

    fn with_targets(logits: DeviceMatrix<'a>, targets: DeviceTargets<'a>) -> Self {
        Self {
            logits,
            targets,
            transform: TransformBuffers::default(),
            class_weights: None,
            row_weights: None,
            upstream: None,
            denominator: None,
            states: None,
            loss: None,
            row_loss: None,
            logsumexp: None,
            log_prob: None,
            argmax: None,
            rank: None,
            entropy: None,
            row_z_loss: None,
            gradient: None,
            target_gradient: None,
            new_states: None,
        }
    }

    /// The options, with the outputs that there are buffers for.
    fn options<'o>(&self, options: &CrossEntropy<'o>) -> CrossEntropy<'o> {
        let outputs = Outputs {
            row_loss: self.row_loss.is_some(),
            logsumexp: self.logsumexp.is_some(),
            log_prob: self.log_prob.is_some(),
            argmax: self.argmax.is_some(),
            rank: self.rank.is_some(),
            entropy: self.entropy.is_some(),
            z_loss: self.row_z_loss.is_some(),
            states: self.new_states.is_some(),
            gradient: self.gradient.is_some(),
            target_gradient: self.target_gradient.is_some(),
        };
        CrossEntropy { outputs, ..*options }
    }
}

impl Gpu {
    /// Records [`cross_entropy`](Self::cross_entropy), [`soft_cross_entropy`](Self::soft_cross_entropy) or, from states, their backward
    /// passes. Of the options their numbers count; what is longer, and which results there are, the buffers say.
    ///
    /// Targets are checked by the kernels: [`PendingSummary::read`] reports a wrong one, whose row's loss and gradient are NaN.
    ///
    /// # Errors
    /// Those of [`record_softmax_with`](Self::record_softmax_with), and [`Error::IgnoreIndex`] if 32-bit targets cannot hold it.
    pub fn record_cross_entropy(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        buffers: &CrossEntropyBuffers<'_>,
        options: &CrossEntropy<'_>,
    ) -> Result<PendingSummary> {
        let options = buffers.options(&numbers_of(options)?);
        if buffers.target_gradient.is_some() && buffers.gradient.is_none() {
            return Err(Error::Options("target_gradient comes only together with gradient".into()));
        }
        if options.piece.is_some() && buffers.states.is_none() {
            return Err(Error::Options("the loss of a piece of a vocabulary needs the states of all pieces".into()));
        }
        let (mut recording, mut inputs) = buffers.recording(&options)?;
        let logits = buffers.logits;
        recording.output(RowOutput::Loss, "row_loss", buffers.row_loss)?;
        recording.output(RowOutput::Status, "status", None)?;
        for (output, what, to) in [
            (RowOutput::Logsumexp, "logsumexp", buffers.logsumexp),
            (RowOutput::LogProb, "log_prob", buffers.log_prob),
            (RowOutput::Argmax, "argmax", buffers.argmax),
            (RowOutput::Entropy, "entropy", buffers.entropy),
            (RowOutput::ZLoss, "row_z_loss", buffers.row_z_loss),
        ] {
            if to.is_some() {
                recording.output(output, what, to)?;
            }
        }
        if wants_rank(&options) {
            recording.output(RowOutput::Rank, "rank", buffers.rank)?;
        }
        recording.matrices.result = buffers.gradient.map(|g| g.resolve(&logits, &inputs)).transpose()?;
        if let Some(to) = buffers.target_gradient {
            logits.same_shape("target_gradient", &to)?;
            inputs.push(logits.buffer);
            inputs.extend(recording.matrices.result.map(|result| result.buffer));
            recording.matrices.target_result = Some(Output::beside(&to, &inputs)?);
        }
        recording.states_in = checked_states(recording.logits.rows, "states", buffers.states, DeviceVector::check_input)?;
        recording.states_out = checked_states(recording.logits.rows, "new_states", buffers.new_states, DeviceVector::check_output)?;
        let vocabulary = options.vocabulary(logits.classes);
        record_reduced(self, encoder, recording, (buffers.denominator, buffers.loss), (options, vocabulary, buffers.is_hard()))
    }

    /// Records [`row_states`](Self::row_states), or [`soft_row_states`](Self::soft_row_states): the states of the rows of a piece of a
    /// vocabulary go to `new_states`, and no other result is made. Wrong targets are for the call that finishes the loss to tell.
    ///
    /// # Errors
    /// As [`record_cross_entropy`](Self::record_cross_entropy); [`Error::Options`] for the rank, or unless `new_states` is there.
    pub fn record_row_states(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        buffers: &CrossEntropyBuffers<'_>,
        options: &CrossEntropy<'_>,
    ) -> Result<()> {
        if buffers.new_states.is_none() || buffers.states.is_some() {
            return Err(Error::Options("row states are made without states, and go to new_states".into()));
        }
        let options = CrossEntropy { outputs: options.outputs, ..numbers_of(options)? }.only_states();
        let (mut recording, _) = CrossEntropyBuffers { upstream: None, ..*buffers }.recording(&options)?;
        recording.states_out = checked_states(recording.logits.rows, "new_states", buffers.new_states, DeviceVector::check_output)?;
        recording.record(self, encoder)
    }
}

impl<'a> CrossEntropyBuffers<'a> {
    fn is_hard(&self) -> bool {
        matches!(self.targets, DeviceTargets::Indices(_))
    }

    /// The call without its results, and the buffers that it reads besides the logits.
    fn recording(&self, options: &CrossEntropy<'static>) -> Result<(Recording<'a>, Vec<&'a wgpu::Buffer>)> {
        let (logits, hard) = (self.logits, self.is_hard());
        options.check(logits.rows, logits.classes, !hard)?;
        let mut recording = Recording::new(&CROSS_ENTROPY_KERNEL, &logits);
        recording.transform(&options.transform, &self.transform)?;
        let mut inputs: Vec<&wgpu::Buffer> = recording.mask.map(|mask| mask.buffer).into_iter().collect();
        match self.targets {
            DeviceTargets::Indices(targets) => recording.row_input(RowInput::Targets, "targets", Some(targets))?,
            DeviceTargets::Probabilities(probabilities) => {
                logits.same_shape("probabilities", &probabilities)?;
                recording.matrices.second = Some(probabilities.matrix());
                inputs.push(probabilities.buffer);
            }
        }
        let vocabulary = options.vocabulary(logits.classes);
        let ignore_index = options.ignore_index.filter(|_| hard).map(ignore_bits).transpose()?;
        set_params(&mut recording.params, options, vocabulary as u64, ignore_index);
        set_features(&mut recording.features, options, !hard);
        let Self { class_weights, row_weights, upstream, .. } = *self;
        Coefficients { class_weights, row_weights, upstream }.give(&mut recording, vocabulary, options.reduction)?;
        Ok((recording, inputs))
    }
}

/// A buffer of a state a row, with the check of its kind.
fn checked_states<'a>(
    rows: usize,
    what: &'static str,
    states: Option<DeviceVector<'a>>,
    check: fn(&DeviceVector<'a>, &'static str, u64) -> Result<()>,
) -> Result<Option<DeviceVector<'a>>> {
    states.as_ref().map_or(Ok(()), |states| check(states, what, rows as u64 * (STATS_BYTES / 4)))?;
    Ok(states)
}
