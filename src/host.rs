//! Host level: slices in, owned results out, window after window through the same kernels as the device level.

use crate::gpu::Gpu;
use crate::job::{Done, Job, Stored};
use crate::launch::{Call, Mask, Matrices, Matrix, Window, encode_passes};
use crate::plan::{Plan, STATS_BYTES};
use crate::summary::{SummaryWords, check_targets, copy_denominator, new_summary, reduce_loss};
use crate::words::{Layout, ROW_OUTPUTS};
use crate::{Logits, Result, RowState, Storage};

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
            logits: matrix("logits", &job.logits, input | Usage::COPY_SRC)?,
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
    let plan = gpu.plan(&job.work())?;
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
