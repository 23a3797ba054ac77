//! What losses of rows share at device level: their numbers, their coefficients, their denominator, and what is known of all rows.

use std::sync::{Arc, Mutex, PoisonError};

use super::Recording;
use crate::device_views::DeviceVector;
use crate::gpu::Gpu;
use crate::ops::settings::{checked, is_empty_fault, of_no_rows};
use crate::options::{CrossEntropy, Denominator, Reduction};
use crate::summary::{DENOMINATOR_OFFSET, LOSS_OFFSET, SummaryWords, new_summary, summary_copy};
use crate::words::{ClassInput, RowInput};
use crate::{Error, Factor, Faults, LogitTransform, Result};

/// What a recorded cross-entropy will know of all its rows once the caller has submitted it.
#[derive(Clone, Debug)]
pub struct PendingSummary {
    buffer: wgpu::Buffer,
    // Recorded with the call, so that the first to read waits once. The others may be at it at the same time, or come before the caller
    // has submitted: they copy for themselves.
    copy: Arc<Mutex<Option<wgpu::Buffer>>>,
    classes: usize,
    options: CrossEntropy<'static>,
    hard: bool,
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
        let copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner).take();
        let words = SummaryWords::read(gpu, &self.buffer, copy).await?;
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

/// The coefficients of a loss, as buffers.
#[derive(Clone, Copy)]
pub(super) struct Coefficients<'a> {
    pub(super) class_weights: Option<DeviceVector<'a>>,
    pub(super) row_weights: Option<DeviceVector<'a>>,
    pub(super) upstream: Option<DeviceVector<'a>>,
}

impl<'a> Coefficients<'a> {
    /// Checks them and makes them a recording's; class weights are those of all classes that targets may name.
    pub(super) fn give(&self, recording: &mut Recording<'a>, vocabulary: usize, reduction: Reduction) -> Result<()> {
        if self.upstream.is_some() && reduction != Reduction::None {
            return Err(Error::Options(format!("an upstream gradient for each row needs reduction none, not {reduction:?}")));
        }
        recording.features.weighted = self.class_weights.is_some();
        recording.class_input(ClassInput::Weights, "class_weights", self.class_weights, vocabulary as u64)?;
        recording.row_input(RowInput::Weights, "row_weights", self.row_weights)?;
        recording.row_input(RowInput::Upstream, "upstream", self.upstream)
    }
}

/// Records a call with the reduction of its row losses.
pub(super) fn record_reduced<'a>(
    gpu: &Gpu,
    encoder: &mut wgpu::CommandEncoder,
    mut recording: Recording<'a>,
    (denominator, loss): (Option<DeviceVector<'a>>, Option<DeviceVector<'a>>),
    (options, vocabulary, hard): (CrossEntropy<'static>, usize, bool),
) -> Result<PendingSummary> {
    denominator.map_or(Ok(()), |denominator| denominator.check_input("denominator", 1))?;
    if let Some(loss) = loss {
        if options.reduction == Reduction::None {
            return Err(Error::Options("with reduction none there is no reduced loss to write".into()));
        }
        loss.check_output("loss", 1)?;
    }
    let rows = recording.logits.rows;
    // A denominator in a buffer is taken to be above 0.
    let given = denominator.map_or(options, |_| options.denominator(Denominator::Value(1.0)));
    let buffer = new_summary(gpu, rows, of_no_rows(&given))?;
    if let (0, Some(from)) = (rows, denominator) {
        encoder.copy_buffer_to_buffer(from.buffer, from.offset, &buffer, DENOMINATOR_OFFSET, 4);
    }
    recording.denominator = denominator;
    Recording { summary: Some(&buffer), ..recording }.record(gpu, encoder)?;
    if let Some(loss) = loss {
        encoder.copy_buffer_to_buffer(&buffer, LOSS_OFFSET, loss.buffer, loss.offset, 4);
    }
    // Of no rows it is known without a submission.
    let copy = (rows > 0).then(|| summary_copy(gpu, encoder, &buffer)).transpose()?;
    Ok(PendingSummary { buffer, copy: Arc::new(Mutex::new(copy)), classes: vocabulary, options, hard })
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
