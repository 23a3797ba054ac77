//! Device level: the caller's buffers in, results into buffers, recorded into the caller's encoder. Nothing is submitted,
//! read back or waited for; kernels and plans are those of the host level.

use crate::device_views::{DeviceMatrix, DeviceVector, Output};
use crate::gpu::Gpu;
use crate::launch::{Call, RowOut, Window, encode};
use crate::options::{CrossEntropy, Reduction, Upstream};
use crate::plan::{Plan, Work};
use crate::shader::{
    CROSS_ENTROPY_BACKWARD_KERNEL, CROSS_ENTROPY_KERNEL, Kernel, LOG_SOFTMAX_BACKWARD_KERNEL, LOG_SOFTMAX_KERNEL,
    LOGSUMEXP_BACKWARD_KERNEL, LOGSUMEXP_KERNEL, SOFTMAX_BACKWARD_KERNEL, SOFTMAX_KERNEL,
};
use crate::summary::{LOSS_OFFSET, SummaryWords, check_targets, new_summary, reduce_loss};
use crate::views::Storage;
use crate::{Error, Result};

/// The buffers of a cross-entropy call. Which results there are follows from which buffers are given, not from the options.
#[derive(Clone, Copy, Debug)]
pub struct CrossEntropyBuffers<'a> {
    /// The logits.
    pub logits: DeviceMatrix<'a>,
    /// A class index a row, `u32` or `i32`.
    pub targets: DeviceVector<'a>,
    /// An `f32` upstream factor for each row; with [`Reduction::None`] only.
    pub upstream: Option<DeviceVector<'a>>,
    /// Where the reduced loss goes, one `f32`. Like the next three it needs usage `COPY_DST`.
    pub loss: Option<DeviceVector<'a>>,
    /// Where the losses of the rows go.
    pub row_loss: Option<DeviceVector<'a>>,
    /// Where the log-sum-exps of the rows go.
    pub logsumexp: Option<DeviceVector<'a>>,
    /// Where the argmax of the rows goes, `u32`.
    pub argmax: Option<DeviceVector<'a>>,
    /// Where the gradient goes.
    pub gradient: Option<Output<'a>>,
}

impl<'a> CrossEntropyBuffers<'a> {
    /// Inputs without any result but the summary.
    #[must_use]
    pub fn new(logits: DeviceMatrix<'a>, targets: DeviceVector<'a>) -> Self {
        Self { logits, targets, upstream: None, loss: None, row_loss: None, logsumexp: None, argmax: None, gradient: None }
    }
}

/// The buffers of the backward pass of cross-entropy.
#[derive(Clone, Copy, Debug)]
pub struct CrossEntropyBackwardBuffers<'a> {
    /// The logits of the forward pass.
    pub logits: DeviceMatrix<'a>,
    /// A class index a row, `u32` or `i32`.
    pub targets: DeviceVector<'a>,
    /// The saved log-sum-exps of the rows.
    pub logsumexp: DeviceVector<'a>,
    /// The saved losses of the rows, for full accuracy: see [`Saved`](crate::Saved).
    pub row_loss: Option<DeviceVector<'a>>,
    /// An `f32` upstream factor for each row; with [`Reduction::None`] only.
    pub upstream: Option<DeviceVector<'a>>,
    /// Where the gradient goes.
    pub gradient: Output<'a>,
}

/// What a recorded cross-entropy will know of all its rows once the caller has submitted it.
#[derive(Clone, Debug)]
pub struct PendingSummary {
    buffer: wgpu::Buffer,
    classes: usize,
    ignore_index: Option<i64>,
    reduction: Reduction,
    counts_correct: bool,
}

/// What cross-entropy knows of all its rows together.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// The reduced loss in nats; `None` with [`Reduction::None`] and for the backward pass.
    pub loss: Option<f32>,
    /// The rows that are not ignored.
    pub valid_rows: usize,
    /// The valid rows whose argmax is the target, if argmax was recorded.
    pub correct: Option<usize>,
}

impl PendingSummary {
    /// Waits for what was submitted before and reads the summary.
    ///
    /// # Errors
    /// [`Error::Target`] names the first row whose target is neither a class nor ignored; its loss and gradient are NaN.
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
        words.check(self.classes, self.ignore_index)?;
        Ok(Summary {
            loss: (self.reduction != Reduction::None).then_some(words.loss),
            valid_rows: words.valid as usize,
            correct: self.counts_correct.then_some(words.correct as usize),
        })
    }
}

impl Gpu {
    /// Records [`softmax`](Self::softmax).
    ///
    /// # Errors
    /// [`Error::Length`] or [`Error::Buffer`] for a wrong output, [`Error::TooLarge`], [`Error::Strategy`], [`Error::OutOfMemory`].
    pub fn record_softmax(&self, encoder: &mut wgpu::CommandEncoder, logits: &DeviceMatrix<'_>, output: Output<'_>) -> Result<()> {
        self.record_matrix(encoder, &SOFTMAX_KERNEL, logits, None, output)
    }

    /// Records [`log_softmax`](Self::log_softmax).
    ///
    /// # Errors
    /// As [`record_softmax`](Self::record_softmax).
    pub fn record_log_softmax(&self, encoder: &mut wgpu::CommandEncoder, logits: &DeviceMatrix<'_>, output: Output<'_>) -> Result<()> {
        self.record_matrix(encoder, &LOG_SOFTMAX_KERNEL, logits, None, output)
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
        self.record_matrix(encoder, &SOFTMAX_BACKWARD_KERNEL, probabilities, Some(upstream), output)
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
        self.record_matrix(encoder, &LOG_SOFTMAX_BACKWARD_KERNEL, log_probabilities, Some(upstream), output)
    }

    fn record_matrix(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        kernel: &'static Kernel,
        input: &DeviceMatrix<'_>,
        second: Option<&DeviceMatrix<'_>>,
        output: Output<'_>,
    ) -> Result<()> {
        if let Some(second) = second {
            input.same_shape("upstream", second)?;
        }
        let others: Vec<_> = second.iter().map(|s| s.buffer).collect();
        let call = Call {
            logits: Some(input.matrix()),
            second: second.map(DeviceMatrix::matrix),
            result: Some(output.resolve(input, &others)?),
            ..Call::new(kernel, input.classes as u64)
        };
        self.record(encoder, &call, input.rows, &RowResults::default())
    }

    /// Records [`logsumexp`](Self::logsumexp) into a vector with usage `COPY_DST`.
    ///
    /// # Errors
    /// As [`record_softmax`](Self::record_softmax).
    pub fn record_logsumexp(&self, encoder: &mut wgpu::CommandEncoder, logits: &DeviceMatrix<'_>, output: DeviceVector<'_>) -> Result<()> {
        output.check_output("logsumexp", logits.rows)?;
        let call = Call { logits: Some(logits.matrix()), ..Call::new(&LOGSUMEXP_KERNEL, logits.classes as u64) };
        self.record(encoder, &call, logits.rows, &RowResults { lse: Some(output), ..RowResults::default() })
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
        let call = Call {
            logits: Some(logits.matrix()),
            saved_lse: Some(logsumexp.input("logsumexp", logits.rows)?),
            upstream: Some(upstream.input("upstream", logits.rows)?),
            result: Some(output.resolve(logits, &[logsumexp.buffer, upstream.buffer])?),
            ..Call::new(&LOGSUMEXP_BACKWARD_KERNEL, logits.classes as u64)
        };
        self.record(encoder, &call, logits.rows, &RowResults::default())
    }

    /// Records [`cross_entropy`](Self::cross_entropy): of the options, the reduction, `ignore_index` and a scalar upstream
    /// gradient count; which results there are, the buffers say.
    ///
    /// Targets are checked by the kernels: [`PendingSummary::read`] reports a wrong one, whose row's loss and gradient are NaN.
    ///
    /// # Errors
    /// Those of [`record_softmax`](Self::record_softmax), [`Error::Options`], and [`Error::IgnoreIndex`] if 32-bit targets cannot hold it.
    pub fn record_cross_entropy(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        buffers: &CrossEntropyBuffers<'_>,
        options: &CrossEntropy<'_>,
    ) -> Result<PendingSummary> {
        let CrossEntropyBuffers { logits, targets, upstream, loss, row_loss, logsumexp, argmax, gradient } = *buffers;
        let outputs = [("row_loss", row_loss), ("logsumexp", logsumexp), ("argmax", argmax)];
        for (what, output) in outputs {
            output.map_or(Ok(()), |o| o.check_output(what, logits.rows))?;
        }
        loss.map_or(Ok(()), |o| o.check_output("loss", 1))?;
        check_upstream(upstream, options)?;
        if loss.is_some() && options.reduction == Reduction::None {
            return Err(Error::Options("with reduction none there is no reduced loss to write".into()));
        }
        let mut inputs = vec![targets.buffer];
        inputs.extend(upstream.map(|u| u.buffer));
        let summary = new_summary(self, options.reduction, logits.rows)?;
        let call = Call {
            logits: Some(logits.matrix()),
            targets: Some(targets.input("targets", logits.rows)?),
            upstream: upstream.map(|u| u.input("upstream", logits.rows)).transpose()?,
            result: gradient.map(|g| g.resolve(&logits, &inputs)).transpose()?,
            summary: Some(&summary),
            ..with_options(Call::new(&CROSS_ENTROPY_KERNEL, logits.classes as u64), options)?
        };
        check_targets(self, encoder, &call, logits.rows as u64)?;
        let results = RowResults { reduces: true, loss: row_loss, lse: logsumexp, argmax };
        self.record(encoder, &call, logits.rows, &results)?;
        if let Some(loss) = loss {
            encoder.copy_buffer_to_buffer(&summary, LOSS_OFFSET, loss.buffer, loss.offset, 4);
        }
        Ok(pending(summary, &logits, options, options.reduction, argmax.is_some()))
    }

    /// Records [`cross_entropy_backward`](Self::cross_entropy_backward).
    ///
    /// # Errors
    /// As [`record_cross_entropy`](Self::record_cross_entropy).
    pub fn record_cross_entropy_backward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        buffers: &CrossEntropyBackwardBuffers<'_>,
        options: &CrossEntropy<'_>,
    ) -> Result<PendingSummary> {
        let CrossEntropyBackwardBuffers { logits, targets, logsumexp, row_loss, upstream, gradient } = *buffers;
        check_upstream(upstream, options)?;
        let inputs: Vec<_> = [Some(targets), Some(logsumexp), row_loss, upstream].into_iter().flatten().map(|v| v.buffer).collect();
        let summary = new_summary(self, options.reduction, logits.rows)?;
        let call = Call {
            logits: Some(logits.matrix()),
            targets: Some(targets.input("targets", logits.rows)?),
            upstream: upstream.map(|u| u.input("upstream", logits.rows)).transpose()?,
            saved_lse: Some(logsumexp.input("logsumexp", logits.rows)?),
            saved_loss: row_loss.map(|v| v.input("row_loss", logits.rows)).transpose()?,
            result: Some(gradient.resolve(&logits, &inputs)?),
            summary: Some(&summary),
            ..with_options(Call::new(&CROSS_ENTROPY_BACKWARD_KERNEL, logits.classes as u64), options)?
        };
        check_targets(self, encoder, &call, logits.rows as u64)?;
        self.record(encoder, &call, logits.rows, &RowResults::default())?;
        Ok(pending(summary, &logits, options, Reduction::None, false))
    }

    /// Records a call window by window, and the copies of its row results.
    fn record(&self, encoder: &mut wgpu::CommandEncoder, call: &Call<'_>, rows: usize, results: &RowResults<'_>) -> Result<()> {
        if rows == 0 {
            return Ok(());
        }
        let storage = call.logits.map_or(Storage::F32, |m| m.storage);
        let stride = [call.logits, call.second, call.result].iter().flatten().map(|m| m.stride).max().unwrap_or(0);
        let work = Work {
            row_bytes: stride.saturating_mul(storage.bytes() as u64).max(results.planes() * 4),
            subgroups: call.kernel.has_subgroups(),
            ..Work::dense(rows as u64, call.classes, storage, call.result.is_some())
        };
        let plan = Plan::new(&work, self.caps(), self.forced())?;
        log::debug!("{} {rows} x {} on the device: {plan}", call.kernel.name, call.classes);
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        let scratch = (results.planes() > 0).then(|| self.scratch("rows", plan.window_rows * results.planes() * 4, usage)).transpose()?;
        let row_out = scratch.as_ref().map(|buffer| results.place(buffer, plan.window_rows as u32));
        let call = Call { row_out, ..*call };
        for first in (0..rows as u64).step_by(plan.window_rows as usize) {
            let count = (rows as u64 - first).min(plan.window_rows);
            let window = Window { first, rows: count, matrix_first: first };
            encode(self, encoder, &call, &plan, window)?;
            if results.reduces {
                reduce_loss(self, encoder, &call, window)?;
            }
            if let Some(row_out) = row_out {
                results.copy(encoder, &row_out, window);
            }
        }
        Ok(())
    }
}

/// Where the results of one word a row go in the end; kernels write them to one scratch buffer.
#[derive(Clone, Copy, Debug, Default)]
struct RowResults<'a> {
    /// Whether the losses are wanted for their sum.
    reduces: bool,
    loss: Option<DeviceVector<'a>>,
    lse: Option<DeviceVector<'a>>,
    argmax: Option<DeviceVector<'a>>,
}

impl RowResults<'_> {
    fn wanted(&self) -> [bool; 3] {
        [self.loss.is_some() || self.reduces, self.lse.is_some(), self.argmax.is_some()]
    }

    fn planes(&self) -> u64 {
        self.wanted().into_iter().map(u64::from).sum()
    }

    fn place<'b>(&self, buffer: &'b wgpu::Buffer, window_rows: u32) -> RowOut<'b> {
        RowOut::new(buffer, window_rows, self.wanted())
    }

    fn copy(&self, encoder: &mut wgpu::CommandEncoder, from: &RowOut<'_>, window: Window) {
        for (start, to) in [(from.loss, self.loss), (from.lse, self.lse), (from.argmax, self.argmax)] {
            if let (Some(start), Some(to)) = (start, to) {
                let offset = to.offset + window.first * 4;
                encoder.copy_buffer_to_buffer(from.buffer, u64::from(start) * 4, to.buffer, offset, window.rows * 4);
            }
        }
    }
}

fn with_options<'a>(call: Call<'a>, options: &CrossEntropy<'_>) -> Result<Call<'a>> {
    let Upstream::Scalar(scale) = options.upstream else {
        return Err(Error::Options("at the device level the upstream gradient of the rows is a buffer, not a slice".into()));
    };
    let ignore_index = options.ignore_index.map(ignore_bits).transpose()?;
    Ok(Call { ignore_index, mean: options.reduction == Reduction::Mean, scale, bound: call.classes, ..call })
}

fn check_upstream(upstream: Option<DeviceVector<'_>>, options: &CrossEntropy<'_>) -> Result<()> {
    if upstream.is_some() && options.reduction != Reduction::None {
        return Err(Error::Options(format!("an upstream gradient for each row needs reduction none, not {:?}", options.reduction)));
    }
    Ok(())
}

/// The word that targets on the device hold where they mean `ignore_index`.
fn ignore_bits(ignore_index: i64) -> Result<u32> {
    let signed = i32::try_from(ignore_index).map(i32::cast_unsigned);
    signed.or(u32::try_from(ignore_index)).map_err(|_| Error::IgnoreIndex { ignore_index })
}

fn pending(
    buffer: wgpu::Buffer,
    logits: &DeviceMatrix<'_>,
    options: &CrossEntropy<'_>,
    reduction: Reduction,
    correct: bool,
) -> PendingSummary {
    PendingSummary { buffer, classes: logits.classes, ignore_index: options.ignore_index, reduction, counts_correct: correct }
}
