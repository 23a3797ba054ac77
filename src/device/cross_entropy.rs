//! Cross-entropy at device level.

use super::Recording;
use crate::device_views::{DeviceMatrix, DeviceVector, Output, TransformBuffers};
use crate::gpu::Gpu;
use crate::ops::settings::{checked, is_empty_fault, set_features, set_params, wants_rank};
use crate::options::{CrossEntropy, Outputs, Reduction};
use crate::plan::STATS_BYTES;
use crate::shader::CROSS_ENTROPY_KERNEL;
use crate::summary::{LOSS_OFFSET, SummaryWords, new_summary};
use crate::words::{ClassInput, RowInput, RowOutput};
use crate::{Error, Factor, Faults, LogitTransform, Result};

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
    /// An `f32` upstream factor for each row; with [`Reduction::None`] only.
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

/// What a recorded cross-entropy will know of all its rows once the caller has submitted it.
#[derive(Clone, Debug)]
pub struct PendingSummary {
    pub(super) buffer: wgpu::Buffer,
    pub(super) classes: usize,
    pub(super) options: CrossEntropy<'static>,
    pub(super) hard: bool,
}

/// What cross-entropy knows of all its rows together.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// The reduced loss in nats; `None` with [`Reduction::None`].
    pub loss: Option<f32>,
    /// The rows that are not ignored.
    pub valid_rows: usize,
    /// What a mean divides by.
    pub denominator: f32,
    /// The valid rows whose argmax is the target, if argmax was recorded and targets are class indices.
    pub correct: Option<usize>,
    /// The valid rows whose target is among the `k` most probable classes, if that was asked for.
    pub correct_top_k: Option<usize>,
    /// The rows that cannot have a loss.
    pub faults: Faults,
}

impl PendingSummary {
    /// Waits for what was submitted before and reads the summary.
    ///
    /// # Errors
    /// [`Error::Target`] names the first row whose target is neither a class nor ignored, unless the policy is
    /// [`FaultPolicy::Zero`](crate::FaultPolicy::Zero), which counts it. [`Error::Fault`] under [`FaultPolicy::Fail`](crate::FaultPolicy::Fail).
    /// [`Error::DeviceLost`], [`Error::Timeout`].
    pub fn read(&self, gpu: &Gpu) -> Result<Summary> {
        pollster::block_on(self.read_async(&gpu.blocking()))
    }

    /// [`read`](Self::read), awaited.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn read_async(&self, gpu: &Gpu) -> Result<Summary> {
        let words = SummaryWords::read(gpu, &self.buffer).await?;
        words.check_ran()?;
        let faults = words.faults(is_empty_fault(&self.options, words.denominator));
        if let (Some(row), true) = (faults.bad_targets.first, self.options.faults != crate::FaultPolicy::Zero) {
            // Device targets are words: one above `i32::MAX` is shown as the negative number it may be.
            let target = i64::from(words.bad_target.cast_signed());
            return Err(Error::Target { row, target, classes: self.classes, ignore_index: self.options.ignore_index });
        }
        Ok(Summary {
            loss: (self.options.reduction != Reduction::None).then_some(words.loss),
            valid_rows: words.valid as usize,
            denominator: words.denominator,
            correct: (self.hard && self.options.outputs.argmax).then_some(words.correct as usize),
            correct_top_k: self.options.top_k.map(|_| words.correct_top_k as usize),
            faults: checked(faults, &self.options)?,
        })
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
        let logits = buffers.logits;
        let hard = matches!(buffers.targets, DeviceTargets::Indices(_));
        options.check(logits.rows, logits.classes, !hard)?;
        check_buffers(buffers, &options)?;

        let summary = new_summary(self, options.reduction, logits.rows)?;
        let mut recording = Recording::new(&CROSS_ENTROPY_KERNEL, &logits);
        recording.transform(&options.transform, &buffers.transform)?;
        let mut inputs: Vec<&wgpu::Buffer> = recording.mask.map(|mask| mask.buffer).into_iter().collect();
        match buffers.targets {
            DeviceTargets::Indices(targets) => recording.row_input(RowInput::Targets, "targets", Some(targets))?,
            DeviceTargets::Probabilities(probabilities) => {
                logits.same_shape("probabilities", &probabilities)?;
                recording.matrices.second = Some(probabilities.matrix());
                inputs.push(probabilities.buffer);
            }
        }
        let vocabulary = options.vocabulary(logits.classes) as u64;
        let ignore_index = options.ignore_index.filter(|_| hard).map(ignore_bits).transpose()?;
        set_params(&mut recording.params, &options, vocabulary, ignore_index);
        recording.params.first_class = options.piece.map_or(0, |(first, _)| first as u32);
        set_features(&mut recording.features, &options, !hard);
        recording.features.weighted = buffers.class_weights.is_some();
        recording.class_input(ClassInput::Weights, "class_weights", buffers.class_weights, vocabulary)?;
        recording.row_input(RowInput::Weights, "row_weights", buffers.row_weights)?;
        recording.row_input(RowInput::Upstream, "upstream", buffers.upstream)?;
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
        recording.states_in = buffers.states;
        recording.states_out = buffers.new_states;
        recording.denominator = buffers.denominator;
        recording.summary = Some(&summary);
        recording.record(self, encoder)?;
        if let Some(loss) = buffers.loss {
            encoder.copy_buffer_to_buffer(&summary, LOSS_OFFSET, loss.buffer, loss.offset, 4);
        }
        Ok(PendingSummary { buffer: summary, classes: vocabulary as usize, options, hard })
    }
}

fn check_buffers(buffers: &CrossEntropyBuffers<'_>, options: &CrossEntropy<'_>) -> Result<()> {
    let rows = buffers.logits.rows as u64;
    if buffers.upstream.is_some() && options.reduction != Reduction::None {
        return Err(Error::Options(format!("an upstream gradient for each row needs reduction none, not {:?}", options.reduction)));
    }
    if buffers.loss.is_some() && options.reduction == Reduction::None {
        return Err(Error::Options("with reduction none there is no reduced loss to write".into()));
    }
    if buffers.target_gradient.is_some() && buffers.gradient.is_none() {
        return Err(Error::Options("target_gradient comes only together with gradient".into()));
    }
    if options.piece.is_some() && buffers.states.is_none() {
        return Err(Error::Options("the loss of a piece of a vocabulary needs the states of all pieces".into()));
    }
    buffers.loss.map_or(Ok(()), |loss| loss.check_output("loss", 1))?;
    buffers.denominator.map_or(Ok(()), |denominator| denominator.check_input("denominator", 1))?;
    buffers.states.map_or(Ok(()), |states| states.check_input("states", rows * (STATS_BYTES / 4)))?;
    buffers.new_states.map_or(Ok(()), |states| states.check_output("new_states", rows * (STATS_BYTES / 4)))
}

/// The options without their slices, which must be buffers here.
pub(super) fn numbers_of(options: &CrossEntropy<'_>) -> Result<CrossEntropy<'static>> {
    let refuse = |what: &str| Err(Error::Options(format!("at the device level {what} is a buffer, not a slice")));
    let scalar = |factor: Factor<'_>| match factor {
        Factor::Scalar(value) => Some(Factor::Scalar(value)),
        Factor::Rows(_) => None,
    };
    let Some(upstream) = scalar(options.upstream) else { return refuse("the upstream gradient of the rows") };
    let Some(scale) = scalar(options.transform.scale) else { return refuse("the scale of the rows") };
    if options.class_weights.is_some() || options.row_weights.is_some() || options.transform.mask.is_some() {
        return refuse("what is one value a class or a row");
    }
    let LogitTransform { is_temperature, softcap, .. } = options.transform;
    let transform = LogitTransform { scale, is_temperature, softcap, mask: None };
    Ok(CrossEntropy {
        upstream,
        class_weights: None,
        row_weights: None,
        transform,
        reduction: options.reduction,
        denominator: options.denominator,
        empty_mean: options.empty_mean,
        ignore_index: options.ignore_index,
        label_smoothing: options.label_smoothing,
        z_loss: options.z_loss,
        faults: options.faults,
        top_k: options.top_k,
        piece: options.piece,
        outputs: options.outputs,
    })
}

/// The word that targets on the device hold where they mean `ignore_index`.
pub(super) fn ignore_bits(ignore_index: i64) -> Result<u32> {
    let signed = i32::try_from(ignore_index).map(i32::cast_unsigned);
    signed.or(u32::try_from(ignore_index)).map_err(|_| Error::IgnoreIndex { ignore_index })
}
