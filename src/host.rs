//! Host level: slices in, owned results out, window after window through the same kernels as the device level.

use std::borrow::Cow;

use crate::gpu::Gpu;
use crate::launch::{Call, Mask, Matrices, Matrix, Params, Pass, Window, encode_passes};
use crate::options::Reduction;
use crate::plan::{Plan, STATS_BYTES, Work};
use crate::shader::{Features, Kernel, Transform};
use crate::summary::{SummaryWords, check_targets, copy_denominator, new_summary, reduce_loss};
use crate::transform::{ClassMask, LogitTransform};
use crate::words::{CLASS_INPUTS, ClassInput, Layout, ROW_INPUTS, ROW_OUTPUTS, RowInput, RowOutput, Wanted};
use crate::{Element, Factor, Logits, Result, RowState, Storage};

/// The most bytes of a matrix that a host-level call keeps on the device at once.
const HOST_WINDOW: u64 = 64 << 20;

/// Which results of the logits' shape a kernel writes and returns, and how they are stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements {
    pub(crate) result: bool,
    pub(crate) target_result: bool,
    pub(crate) storage: Storage,
}

/// A result of the logits' shape, as it is stored.
#[derive(Debug)]
pub(crate) enum Stored {
    Words(Vec<f32>),
    Halves(Vec<u16>),
}

impl Default for Stored {
    fn default() -> Self {
        Self::Words(Vec::new())
    }
}

impl Stored {
    fn with_capacity(storage: Storage, elements: usize) -> Self {
        if storage.is_half() { Self::Halves(Vec::with_capacity(elements)) } else { Self::Words(Vec::with_capacity(elements)) }
    }

    fn extend(&mut self, bytes: &[u8]) {
        match self {
            Self::Words(words) => words.extend_from_slice(bytemuck::cast_slice(bytes)),
            Self::Halves(halves) => halves.extend_from_slice(bytemuck::cast_slice(bytes)),
        }
    }

    /// Once, as the type that the job was given the storage of.
    pub(crate) fn take<T: Element>(&mut self) -> Vec<T> {
        match std::mem::take(self) {
            Self::Words(words) if words.is_empty() => Vec::new(),
            Self::Words(words) => bytemuck::cast_vec(words),
            Self::Halves(halves) => bytemuck::cast_vec(halves),
        }
    }
}

/// What a host-level call asks of a kernel.
#[derive(Clone, Debug)]
pub(crate) struct Job<'a> {
    pub(crate) kernel: &'static Kernel,
    pub(crate) params: Params,
    pub(crate) features: Features,
    pub(crate) logits: Logits<'a>,
    pub(crate) second: Option<Logits<'a>>,
    pub(crate) third: Option<Logits<'a>>,
    pub(crate) mask: Option<ClassMask<'a>>,
    class_inputs: [Option<&'a [f32]>; CLASS_INPUTS],
    row_inputs: [Option<Cow<'a, [u32]>>; ROW_INPUTS],
    pub(crate) states_in: Option<&'a [RowState]>,
    pub(crate) elements: Elements,
    pub(crate) states_out: bool,
    /// Results of one word a row that the kernel writes, and those of them that are returned.
    outputs: [bool; ROW_OUTPUTS],
    returned: [bool; ROW_OUTPUTS],
    /// Whether the losses of the rows are reduced to one, and how.
    pub(crate) reduction: Option<Reduction>,
    /// What runs in each window before the kernel.
    pub(crate) before: Vec<Pass>,
    /// The length of the lists of classes that it makes of each row, with their log-probabilities.
    pub(crate) lists: Option<u32>,
}

impl<'a> Job<'a> {
    pub(crate) fn new(kernel: &'static Kernel, logits: &Logits<'a>) -> Self {
        Self {
            kernel,
            params: Params::plain(),
            features: Features::default(),
            logits: *logits,
            second: None,
            third: None,
            mask: None,
            class_inputs: [None; CLASS_INPUTS],
            row_inputs: Default::default(),
            states_in: None,
            elements: Elements { result: false, target_result: false, storage: Storage::F32 },
            states_out: false,
            outputs: [false; ROW_OUTPUTS],
            returned: [false; ROW_OUTPUTS],
            reduction: None,
            before: Vec::new(),
            lists: None,
        }
    }

    /// The result of the logits' shape is wanted, as `T`.
    pub(crate) fn elements<T: Element>(mut self) -> Self {
        self.elements.result = true;
        self.elements.storage = T::STORAGE;
        self
    }

    pub(crate) fn second(mut self, second: &Logits<'a>) -> Self {
        self.second = Some(*second);
        self
    }

    pub(crate) fn class_input(&mut self, input: ClassInput, values: Option<&'a [f32]>) {
        self.class_inputs[input as usize] = values;
    }

    pub(crate) fn row_input(&mut self, input: RowInput, values: impl Into<Cow<'a, [u32]>>) {
        self.row_inputs[input as usize] = Some(values.into());
    }

    pub(crate) fn row_floats(&mut self, input: RowInput, values: &'a [f32]) {
        self.row_input(input, bytemuck::cast_slice::<f32, u32>(values));
    }

    /// A result of one word a row is computed; it is returned only if it is asked for.
    pub(crate) fn output(&mut self, output: RowOutput, returned: bool) {
        self.outputs[output as usize] = true;
        self.returned[output as usize] |= returned;
    }

    /// What happens to the logits first.
    pub(crate) fn transform(&mut self, transform: &LogitTransform<'a>) {
        self.features.transform = transform.kind();
        self.params.softcap = transform.softcap.unwrap_or(0.0);
        match transform.scale {
            Factor::Scalar(_) => self.params.scale = transform.scale_of(0),
            Factor::Rows(scales) if transform.is_temperature => {
                let inverse: Vec<u32> = (0..scales.len()).map(|row| transform.scale_of(row).to_bits()).collect();
                self.row_input(RowInput::Scales, inverse);
            }
            Factor::Rows(scales) => self.row_floats(RowInput::Scales, scales),
        }
        self.features.masked = transform.mask.is_some();
        self.mask = transform.mask;
    }

    fn matrices(&self) -> impl Iterator<Item = &Logits<'a>> {
        [Some(&self.logits), self.second.as_ref(), self.third.as_ref()].into_iter().flatten()
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            classes: self.class_inputs.map(|input| input.is_some()),
            inputs: std::array::from_fn(|i| self.row_inputs[i].is_some()),
            outputs: self.outputs,
        }
    }

    fn classes(&self) -> u64 {
        self.logits.classes() as u64
    }

    /// The length of the class inputs: that of the vocabulary, if the logits are a piece of it.
    fn class_words(&self) -> u64 {
        self.class_inputs.iter().flatten().map(|values| values.len() as u64).max().unwrap_or(0)
    }

    fn work(&self) -> Work {
        let wanted = self.wanted();
        let dense = self.logits.classes() * self.logits.inner();
        let results = if self.elements.result { dense * self.elements.storage.bytes() } else { 0 };
        let inputs = self.matrices().map(|m| m.stride().max(dense).saturating_mul(m.storage().bytes())).max();
        let block_bytes = inputs.unwrap_or(0).max(results) as u64;
        let states = if self.states_in.is_some() || self.states_out { STATS_BYTES / 4 } else { 0 };
        Work {
            inner: self.logits.inner() as u64,
            block_bytes,
            row_words: wanted.row_words().max(states).max(u64::from(self.lists.unwrap_or(0))),
            fixed_words: wanted.fixed_words(self.class_words()),
            subgroups: self.kernel.has_subgroups(),
            window_bytes: HOST_WINDOW,
            ..Work::dense(self.logits.rows() as u64, self.classes(), self.logits.storage(), self.elements.result)
        }
    }
}

impl LogitTransform<'_> {
    /// Which part does it.
    pub(crate) fn kind(&self) -> Transform {
        match (self.softcap, self.scale) {
            (Some(_), _) => Transform::Softcap,
            (None, Factor::Scalar(1.0)) => Transform::Identity,
            (None, _) => Transform::Scale,
        }
    }
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) elements: Stored,
    pub(crate) target_elements: Stored,
    rows: [Vec<u32>; ROW_OUTPUTS],
    pub(crate) states: Vec<RowState>,
    pub(crate) summary: SummaryWords,
    pub(crate) list_classes: Vec<u32>,
    pub(crate) list_log_probs: Vec<f32>,
}

impl Done {
    /// A result of one word a row, once.
    pub(crate) fn words(&mut self, output: RowOutput) -> Vec<u32> {
        std::mem::take(&mut self.rows[output as usize])
    }

    pub(crate) fn floats(&mut self, output: RowOutput) -> Vec<f32> {
        bytemuck::cast_vec(self.words(output))
    }
}

/// Device buffers of a job, reused from window to window.
struct Buffers {
    logits: wgpu::Buffer,
    second: Option<wgpu::Buffer>,
    third: Option<wgpu::Buffer>,
    result: Option<wgpu::Buffer>,
    target_result: Option<wgpu::Buffer>,
    words: wgpu::Buffer,
    layout: Layout,
    mask: Option<wgpu::Buffer>,
    states_in: Option<wgpu::Buffer>,
    states_out: Option<wgpu::Buffer>,
    summary: Option<wgpu::Buffer>,
    lists: Option<[wgpu::Buffer; 2]>,
    staging: wgpu::Buffer,
}

impl Buffers {
    fn new(gpu: &Gpu, job: &Job<'_>, plan: &Plan) -> Result<Self> {
        use wgpu::BufferUsages as Usage;
        let input = Usage::STORAGE | Usage::COPY_DST;
        let output = Usage::STORAGE | Usage::COPY_SRC;
        let blocks = plan.window_rows / job.logits.inner() as u64;
        let matrix = |label, m: &Logits<'_>, usage| {
            let bytes = m.storage().bytes() as u64;
            gpu.scratch(label, (blocks * m.stride() as u64 * bytes).next_multiple_of(16), usage)
        };
        let dense = (plan.window_rows * job.classes() * job.elements.storage.bytes() as u64).next_multiple_of(4);
        let result = |label, wanted: bool| wanted.then(|| gpu.scratch(label, dense.next_multiple_of(16), output)).transpose();
        let layout = Layout::new(&job.wanted(), job.class_words(), plan.window_rows);
        let states = |label, wanted: bool, usage| wanted.then(|| gpu.scratch(label, plan.window_rows * STATS_BYTES, usage)).transpose();
        let mask_words =
            job.mask.map(|mask| if mask.stride() == 0 { mask.words().len() as u64 } else { plan.window_rows * mask.stride() as u64 });
        let matrices = u64::from(job.elements.result) + u64::from(job.elements.target_result);
        let planes = job.returned.iter().map(|&returned| u64::from(returned)).sum::<u64>();
        let states_bytes = if job.states_out { STATS_BYTES } else { 0 };
        let list_bytes = u64::from(job.lists.unwrap_or(0)) * 4;
        let list = |label| gpu.scratch(label, plan.window_rows * list_bytes, output);
        Ok(Self {
            logits: matrix("logits", &job.logits, input)?,
            second: job.second.as_ref().map(|m| matrix("second", m, input)).transpose()?,
            third: job.third.as_ref().map(|m| matrix("third", m, input)).transpose()?,
            result: result("result", job.elements.result)?,
            target_result: result("target result", job.elements.target_result)?,
            words: gpu.scratch("words", u64::from(layout.words) * 4, input | output)?,
            layout,
            mask: mask_words.map(|words| gpu.scratch("mask", words * 4, input)).transpose()?,
            states_in: states("states", job.states_in.is_some(), input)?,
            states_out: states("new states", job.states_out, output)?,
            summary: job.reduction.map(|_| new_summary(gpu, job.logits.rows(), SummaryWords::default())).transpose()?,
            lists: job.lists.map(|_| Ok([list("classes")?, list("log-probabilities")?])).transpose()?,
            staging: gpu.scratch(
                "staging",
                matrices * dense + plan.window_rows * (planes * 4 + states_bytes + 2 * list_bytes),
                Usage::MAP_READ | Usage::COPY_DST,
            )?,
        })
    }

    fn call<'b>(&'b self, job: &Job<'_>) -> Call<'b> {
        fn matrix(buffer: &wgpu::Buffer, stride: usize, storage: Storage) -> Matrix<'_> {
            Matrix { buffer, offset: 0, stride: stride as u64, storage }
        }
        let dense = job.logits.classes() * job.logits.inner();
        let input = |buffer: &'b Option<wgpu::Buffer>, view: Option<Logits<'_>>| {
            buffer.as_ref().zip(view).map(|(buffer, view)| matrix(buffer, view.stride(), view.storage()))
        };
        let output = |buffer: &'b Option<wgpu::Buffer>| buffer.as_ref().map(|buffer| matrix(buffer, dense, job.elements.storage));
        Call {
            params: job.params,
            features: job.features,
            inner: job.logits.inner() as u64,
            matrices: Matrices {
                logits: Some(matrix(&self.logits, job.logits.stride(), job.logits.storage())),
                second: input(&self.second, job.second),
                third: input(&self.third, job.third),
                result: output(&self.result),
                target_result: output(&self.target_result),
            },
            words: Some((&self.words, self.layout)),
            mask: self.mask.as_ref().zip(job.mask).map(|(buffer, mask)| Mask { buffer, offset: 0, stride: mask.stride() as u64 }),
            states_in: self.states_in.as_ref(),
            states_out: self.states_out.as_ref(),
            summary: self.summary.as_ref(),
            lists: self.lists.as_ref(),
            ..Call::new(job.kernel, job.classes())
        }
    }

    /// Uploads what a window's rows are given in words.
    fn upload_words(&self, gpu: &Gpu, job: &Job<'_>, first: usize, count: usize) -> Result<()> {
        let mut words = vec![0_u32; self.layout.outputs_start as usize];
        for (start, values) in self.layout.classes.iter().zip(&job.class_inputs) {
            if let (Some(start), Some(values)) = (start, values) {
                words[*start as usize..][..values.len()].copy_from_slice(bytemuck::cast_slice(values));
            }
        }
        for (start, values) in self.layout.inputs.iter().zip(&job.row_inputs) {
            if let (Some(start), Some(values)) = (start, values) {
                words[*start as usize..][..count].copy_from_slice(&values[first..first + count]);
            }
        }
        gpu.upload(&self.words, bytemuck::cast_slice(&words))
    }

    /// Uploads what else a window's rows are given.
    fn upload_rows(&self, gpu: &Gpu, job: &Job<'_>, first: usize, count: usize) -> Result<()> {
        let matrices = [(Some(&self.logits), Some(job.logits)), (self.second.as_ref(), job.second), (self.third.as_ref(), job.third)];
        for (buffer, view) in matrices {
            if let (Some(buffer), Some(view)) = (buffer, view) {
                gpu.upload(buffer, view.window(first, count))?;
            }
        }
        if let (Some(buffer), Some(mask)) = (&self.mask, job.mask) {
            let all_rows = mask.stride() == 0;
            let words = if all_rows { mask.words() } else { &mask.words()[first * mask.stride()..][..count * mask.stride()] };
            gpu.upload(buffer, bytemuck::cast_slice(words))?;
        }
        if let (Some(buffer), Some(states)) = (&self.states_in, job.states_in) {
            gpu.upload(buffer, bytemuck::cast_slice(&states[first..first + count]))?;
        }
        Ok(())
    }
}

/// Runs a job.
pub(crate) async fn run(gpu: &Gpu, job: &Job<'_>) -> Result<Done> {
    let mut done = Done::default();
    let (rows, classes) = (job.logits.rows(), job.logits.classes());
    if rows == 0 {
        return Ok(done);
    }
    let plan = Plan::new(&job.work(), gpu.caps(), gpu.forced())?;
    log::debug!("{} {rows} x {classes}: {plan}", job.kernel.name);
    let buffers = Buffers::new(gpu, job, &plan)?;
    let call = buffers.call(job);
    let step = plan.window_rows as usize;
    let windows = || (0..rows).step_by(step).map(|first| (first, (rows - first).min(step)));
    if job.elements.result {
        done.elements = Stored::with_capacity(job.elements.storage, rows * classes);
    }
    if job.elements.target_result {
        done.target_elements = Stored::with_capacity(job.elements.storage, rows * classes);
    }
    if job.reduction.is_some() {
        for (first, count) in windows() {
            buffers.upload_words(gpu, job, first, count)?;
            let mut encoder = gpu.encoder()?;
            check_targets(gpu, &mut encoder, &call, Window { first: first as u64, rows: count as u64, matrix_first: 0 })?;
            gpu.submit(encoder)?;
        }
    }
    for (first, count) in windows() {
        let window = Window { first: first as u64, rows: count as u64, matrix_first: 0 };
        buffers.upload_words(gpu, job, first, count)?;
        buffers.upload_rows(gpu, job, first, count)?;
        let mut encoder = gpu.encoder()?;
        copy_denominator(&mut encoder, &call);
        encode_passes(gpu, &mut encoder, &job.before, &call, &plan, window)?;
        if job.reduction.is_some() {
            reduce_loss(gpu, &mut encoder, &call, window)?;
        }
        collect(gpu, encoder, job, &buffers, count, &mut done).await?;
    }
    if let Some(summary) = &buffers.summary {
        done.summary = SummaryWords::read(gpu, summary).await?;
    }
    Ok(done)
}

/// Copies a window's results to the staging buffer, submits, waits, and appends them to what is there.
async fn collect(
    gpu: &Gpu,
    mut encoder: wgpu::CommandEncoder,
    job: &Job<'_>,
    buffers: &Buffers,
    count: usize,
    done: &mut Done,
) -> Result<()> {
    let mut bytes = 0;
    // Copies are of whole words.
    let mut copy = |buffer: &wgpu::Buffer, offset: u64, size: usize| {
        let size = size.next_multiple_of(4) as u64;
        encoder.copy_buffer_to_buffer(buffer, offset, &buffers.staging, bytes, size);
        bytes += size;
    };
    let dense = count * job.logits.classes() * job.elements.storage.bytes();
    let (words, listed) = (count * 4, count * job.lists.unwrap_or(0) as usize * 4);
    let states_bytes = count * size_of::<RowState>();
    for matrix in [&buffers.result, &buffers.target_result].into_iter().flatten() {
        copy(matrix, 0, dense);
    }
    let planes: Vec<usize> = (0..ROW_OUTPUTS).filter(|&i| job.returned[i]).collect();
    for start in planes.iter().filter_map(|&i| buffers.layout.outputs[i]) {
        copy(&buffers.words, u64::from(start) * 4, words);
    }
    for list in buffers.lists.iter().flatten() {
        copy(list, 0, listed);
    }
    if let Some(states) = &buffers.states_out {
        copy(states, 0, states_bytes);
    }
    let submission = gpu.submit(encoder)?;
    if bytes == 0 {
        return Ok(());
    }
    gpu.read(&buffers.staging, bytes, submission, |view| {
        let mut rest = view;
        let mut take = |size: usize| {
            let (taken, after) = rest.split_at(size.next_multiple_of(4));
            rest = after;
            &taken[..size]
        };
        if buffers.result.is_some() {
            done.elements.extend(take(dense));
        }
        if buffers.target_result.is_some() {
            done.target_elements.extend(take(dense));
        }
        for i in planes {
            done.rows[i].extend_from_slice(bytemuck::cast_slice(take(words)));
        }
        if buffers.lists.is_some() {
            done.list_classes.extend_from_slice(bytemuck::cast_slice(take(listed)));
            done.list_log_probs.extend_from_slice(bytemuck::cast_slice(take(listed)));
        }
        if buffers.states_out.is_some() {
            done.states.extend_from_slice(bytemuck::cast_slice(take(states_bytes)));
        }
    })
    .await
}
