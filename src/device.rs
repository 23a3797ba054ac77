//! Device level: the caller's buffers in, results into buffers, recorded into the caller's encoder. Nothing is submitted,
//! read back or waited for; kernels and plans are those of the host level.

use crate::device_views::{DeviceMatrix, DeviceVector, TransformBuffers};
use crate::gpu::Gpu;
use crate::launch::{Call, Mask, Matrices, Params, Pass, Window, encode_passes};
use crate::plan::{STATS_BYTES, Work};
use crate::shader::{Features, Kernel};
use crate::summary::{DENOMINATOR_OFFSET, check_targets, copy_denominator, reduce_loss};
use crate::texels::can_copy;
use crate::words::{CLASS_INPUTS, ClassInput, Layout, ROW_INPUTS, ROW_OUTPUTS, RowInput, RowOutput, Wanted};
use crate::{Error, Factor, LogitTransform, Result};

mod cross_entropy;
mod elementwise;
mod loss;
mod nll;
mod sampling;
mod signed;
mod softmax;

pub use cross_entropy::{CrossEntropyBuffers, DeviceTargets};
pub use elementwise::{DeviceWeights, ElementLossBuffers};
pub use loss::{PendingSummary, Summary};
pub use nll::NllBuffers;

/// What a device-level call asks of a kernel.
#[derive(Clone, Debug)]
struct Recording<'a> {
    kernel: &'static Kernel,
    params: Params,
    features: Features,
    /// The shape.
    logits: DeviceMatrix<'a>,
    matrices: Matrices<'a>,
    mask: Option<Mask<'a>>,
    /// Length of the class inputs, and each of them.
    class_words: u64,
    class_inputs: [Option<DeviceVector<'a>>; CLASS_INPUTS],
    row_inputs: [Option<DeviceVector<'a>>; ROW_INPUTS],
    /// Results of one word a row: written by the kernel, and copied to where they are wanted.
    outputs: [bool; ROW_OUTPUTS],
    copied: [Option<DeviceVector<'a>>; ROW_OUTPUTS],
    states_in: Option<DeviceVector<'a>>,
    states_out: Option<DeviceVector<'a>>,
    /// The denominator, if the caller has it.
    denominator: Option<DeviceVector<'a>>,
    summary: Option<&'a wgpu::Buffer>,
    /// What runs in each window before the kernel.
    before: Vec<Pass>,
    /// Lists of so many classes of each row, and their log-probabilities: where they go.
    lists: Option<(u32, [DeviceVector<'a>; 2])>,
}

impl<'a> Recording<'a> {
    fn new(kernel: &'static Kernel, logits: &DeviceMatrix<'a>) -> Self {
        Self {
            kernel,
            params: Params::plain(),
            features: Features::default(),
            logits: *logits,
            matrices: Matrices { logits: Some(logits.matrix()), ..Matrices::default() },
            mask: None,
            class_words: 0,
            class_inputs: [None; CLASS_INPUTS],
            row_inputs: [None; ROW_INPUTS],
            outputs: [false; ROW_OUTPUTS],
            copied: [None; ROW_OUTPUTS],
            states_in: None,
            states_out: None,
            denominator: None,
            summary: None,
            before: Vec::new(),
            lists: None,
        }
    }

    fn class_input(&mut self, input: ClassInput, what: &'static str, values: Option<DeviceVector<'a>>, words: u64) -> Result<()> {
        if let Some(values) = values {
            values.check_input(what, words)?;
            self.class_words = words;
            self.class_inputs[input as usize] = Some(values);
        }
        Ok(())
    }

    fn row_input(&mut self, input: RowInput, what: &'static str, values: Option<DeviceVector<'a>>) -> Result<()> {
        values.map_or(Ok(()), |values| values.check_input(what, self.logits.rows as u64))?;
        self.row_inputs[input as usize] = values;
        Ok(())
    }

    /// A result that the kernel writes, copied if there is a place for it.
    fn output(&mut self, output: RowOutput, what: &'static str, to: Option<DeviceVector<'a>>) -> Result<()> {
        to.map_or(Ok(()), |to| to.check_output(what, self.logits.rows as u64))?;
        self.outputs[output as usize] = true;
        self.copied[output as usize] = to;
        Ok(())
    }

    /// What happens to the logits first: numbers from the transform, everything longer from buffers.
    fn transform(&mut self, transform: &LogitTransform<'_>, buffers: &TransformBuffers<'a>) -> Result<()> {
        if transform.mask.is_some() || matches!(transform.scale, Factor::Rows(_)) {
            return Err(Error::Options("at the device level class masks and the scales of the rows are buffers, not slices".into()));
        }
        transform.check(self.logits.rows, self.logits.classes)?;
        self.params.scale = transform.scale_of(0);
        self.params.softcap = transform.softcap.unwrap_or(0.0);
        self.features.transform = match (transform.kind(), buffers.scales) {
            (crate::shader::Transform::Identity, Some(_)) => crate::shader::Transform::Scale,
            (kind, _) => kind,
        };
        self.row_input(RowInput::Scales, "scales", buffers.scales)?;
        self.mask = buffers.mask.map(|mask| mask.input(self.logits.rows, self.logits.classes)).transpose()?;
        self.features.masked = self.mask.is_some();
        Ok(())
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            classes: self.class_inputs.map(|input| input.is_some()),
            inputs: self.row_inputs.map(|input| input.is_some()),
            outputs: self.outputs,
        }
    }

    fn work(&self) -> Work {
        let wanted = self.wanted();
        let storage = self.logits.matrix().storage;
        let Matrices { logits, second, third, result, target_result } = self.matrices;
        let matrices = [logits, second, third, result, target_result];
        let block_bytes = matrices.iter().flatten().map(|m| m.stride.saturating_mul(m.storage.bytes() as u64)).max();
        let states = if self.states_in.is_some() || self.states_out.is_some() { STATS_BYTES / 4 } else { 0 };
        Work {
            inner: self.logits.inner as u64,
            block_bytes: block_bytes.unwrap_or(0),
            row_words: wanted.row_words().max(states).max(self.lists.map_or(0, |(k, _)| u64::from(k))),
            fixed_words: wanted.fixed_words(self.class_words),
            subgroups: self.kernel.has_subgroups(),
            can_hold: self.kernel.can_hold(),
            can_copy: self.kernel.reads_all()
                && logits.is_some_and(|m| can_copy(&m, self.logits.classes as u64, self.logits.inner as u64, self.logits.rows as u64)),
            can_tile: self.kernel.reads_all()
                && [logits, result].iter().flatten().all(|m| m.stride == self.logits.classes as u64 * self.logits.inner as u64),
            ..Work::dense(self.logits.rows as u64, self.logits.classes as u64, storage, result.is_some())
        }
    }

    /// Records the call window by window, with the copies of everything that is one word a class or a row.
    fn record(&self, gpu: &Gpu, encoder: &mut wgpu::CommandEncoder) -> Result<()> {
        let rows = self.logits.rows as u64;
        if rows == 0 {
            return Ok(());
        }
        let plan = gpu.plan(&self.work())?;
        log::debug!("{} {rows} x {} on the device: {plan}", self.kernel.name, self.logits.classes);
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let layout = Layout::new(&self.wanted(), self.class_words, plan.window_rows);
        let words = gpu.scratch("words", u64::from(layout.words) * 4, usage)?;
        let states = |wanted: bool| wanted.then(|| gpu.scratch("states", plan.window_rows * STATS_BYTES, usage)).transpose();
        let (states_in, states_out) = (states(self.states_in.is_some())?, states(self.states_out.is_some())?);
        let list_bytes = self.lists.map_or(0, |(k, _)| u64::from(k) * 4);
        let list = |label| gpu.scratch(label, plan.window_rows * list_bytes, usage);
        let lists = self.lists.map(|_| Ok([list("classes")?, list("log-probabilities")?])).transpose()?;
        let call = Call {
            params: self.params,
            features: self.features,
            inner: self.logits.inner as u64,
            matrices: self.matrices,
            words: Some((&words, layout)),
            mask: self.mask,
            states_in: states_in.as_ref(),
            states_out: states_out.as_ref(),
            summary: self.summary,
            lists: lists.as_ref(),
            ..Call::new(self.kernel, self.logits.classes as u64)
        };
        for (start, from) in layout.classes.iter().zip(&self.class_inputs) {
            if let (Some(start), Some(from)) = (start, from) {
                encoder.copy_buffer_to_buffer(from.buffer, from.offset, &words, u64::from(*start) * 4, self.class_words * 4);
            }
        }
        let windows = (0..rows).step_by(plan.window_rows as usize).map(|first| {
            let count = (rows - first).min(plan.window_rows);
            Window { first, rows: count, matrix_first: first }
        });
        if let Some(summary) = self.summary {
            for window in windows.clone() {
                self.copy_inputs(encoder, &words, &layout, window);
                check_targets(gpu, encoder, &call, window)?;
            }
            if let Some(from) = self.denominator {
                encoder.copy_buffer_to_buffer(from.buffer, from.offset, summary, DENOMINATOR_OFFSET, 4);
            }
        }
        for window in windows {
            self.copy_inputs(encoder, &words, &layout, window);
            if let (Some(from), Some(to)) = (self.states_in, &states_in) {
                encoder.copy_buffer_to_buffer(from.buffer, from.offset + window.first * STATS_BYTES, to, 0, window.rows * STATS_BYTES);
            }
            copy_denominator(encoder, &call);
            encode_passes(gpu, encoder, &self.before, &call, &plan, window)?;
            if self.summary.is_some() {
                reduce_loss(gpu, encoder, &call, window)?;
            }
            for (start, to) in layout.outputs.iter().zip(&self.copied) {
                if let (Some(start), Some(to)) = (start, to) {
                    let offset = to.offset + window.first * 4;
                    encoder.copy_buffer_to_buffer(&words, u64::from(*start) * 4, to.buffer, offset, window.rows * 4);
                }
            }
            if let (Some(from), Some((_, to))) = (&lists, self.lists) {
                for (from, to) in from.iter().zip(to) {
                    let offset = to.offset + window.first * list_bytes;
                    encoder.copy_buffer_to_buffer(from, 0, to.buffer, offset, window.rows * list_bytes);
                }
            }
            if let (Some(from), Some(to)) = (&states_out, self.states_out) {
                encoder.copy_buffer_to_buffer(from, 0, to.buffer, to.offset + window.first * STATS_BYTES, window.rows * STATS_BYTES);
            }
        }
        Ok(())
    }

    fn copy_inputs(&self, encoder: &mut wgpu::CommandEncoder, words: &wgpu::Buffer, layout: &Layout, window: Window) {
        for (start, from) in layout.inputs.iter().zip(&self.row_inputs) {
            if let (Some(start), Some(from)) = (start, from) {
                let offset = from.offset + window.first * 4;
                encoder.copy_buffer_to_buffer(from.buffer, offset, words, u64::from(*start) * 4, window.rows * 4);
            }
        }
    }
}
