//! Host level: slices in, owned results out, window after window through the same kernels as the device level. While one window
//! is computed, the next one goes up and the one before comes back, unless the device is the CPU and nothing comes back.

use crate::copy::copy;
use crate::gpu::Gpu;
use crate::job::{Done, Job, Stored};
use crate::launch::{Call, Mask, Matrices, Matrix, Window, encode_passes};
use crate::plan::{Plan, STATS_BYTES};
use crate::pool::Loans;
use crate::route::{Input, Output};
use crate::summary::{SUMMARY_BYTES, SummaryWords, check_targets, copy_denominator, new_summary, reduce_loss};
use crate::words::{Layout, ROW_OUTPUTS};
use crate::{Logits, Result, RowState, Storage};

/// Windows under way at once: the host fills or empties one while the device works on the other. One where both compute on the same cores
/// and no matrix comes back, whose fresh pages the host would touch meanwhile.
fn windows_at_once(gpu: &Gpu, job: &Job<'_>) -> usize {
    let returns_matrix = job.elements.result || job.elements.target_result;
    if gpu.caps().cpu && !returns_matrix { 1 } else { 2 }
}

/// Device buffers of a window, reused for later ones.
struct Set {
    logits: Input,
    second: Option<Input>,
    third: Option<Input>,
    result: Option<Output>,
    target_result: Option<Output>,
    words: wgpu::Buffer,
    layout: Layout,
    mask: Option<wgpu::Buffer>,
    states_in: Option<wgpu::Buffer>,
    states_out: Option<wgpu::Buffer>,
    lists: Option<[wgpu::Buffer; 2]>,
    /// Where everything but the matrices is read back.
    staging: wgpu::Buffer,
    /// The work under way that uses it.
    pending: Option<Pending>,
}

/// A window that is being computed.
struct Pending {
    count: usize,
    submission: wgpu::SubmissionIndex,
    /// What is read back: result, target result, the rest.
    read: Vec<(Part, wgpu::Buffer, u64)>,
}

/// What a buffer that is read back holds.
#[derive(Clone, Copy)]
enum Part {
    Result,
    TargetResult,
    Rest,
}

impl Set {
    fn new(gpu: &Gpu, loans: &mut Loans, job: &Job<'_>, plan: &Plan) -> Result<Self> {
        use wgpu::BufferUsages as Usage;
        let input = Usage::STORAGE | Usage::COPY_DST;
        let output = Usage::STORAGE | Usage::COPY_SRC;
        let blocks = plan.window_rows / job.logits.inner() as u64;
        let dense = plan.window_rows * job.classes() * job.elements.storage.bytes() as u64;
        let layout = Layout::new(&job.wanted(), job.class_words(), plan.window_rows);
        let states_bytes = plan.window_rows * STATS_BYTES;
        let mask_words =
            job.mask.map(|mask| if mask.stride() == 0 { mask.words().len() as u64 } else { plan.window_rows * mask.stride() as u64 });
        let planes = job.returned.iter().map(|&returned| u64::from(returned)).sum::<u64>();
        let list_bytes = plan.window_rows * u64::from(job.lists.unwrap_or(0)) * 4;
        let read_back = plan.window_rows * planes * 4 + if job.states_out { states_bytes } else { 0 } + 2 * list_bytes + SUMMARY_BYTES;
        let mut matrix = |label, m: &Logits<'_>, only_copied| {
            let bytes = blocks * m.stride() as u64 * m.storage().bytes() as u64;
            Input::new(gpu, loans, label, bytes, only_copied)
        };
        let logits = matrix("logits", &job.logits, plan.texture)?;
        let second = job.second.as_ref().map(|m| matrix("second", m, false)).transpose()?;
        let third = job.third.as_ref().map(|m| matrix("third", m, false)).transpose()?;
        let mut result = |label, wanted: bool| wanted.then(|| Output::new(gpu, loans, label, dense)).transpose();
        let (result, target_result) = (result("result", job.elements.result)?, result("target result", job.elements.target_result)?);
        let mut take = |label, bytes, usage| loans.take(label, bytes, usage);
        Ok(Self {
            logits,
            second,
            third,
            result,
            target_result,
            words: take("words", u64::from(layout.words) * 4, input | output)?,
            layout,
            mask: mask_words.map(|words| take("mask", words * 4, input)).transpose()?,
            states_in: job.states_in.map(|_| take("states", states_bytes, input)).transpose()?,
            states_out: job.states_out.then(|| take("new states", states_bytes, output)).transpose()?,
            lists: job
                .lists
                .map(|_| Ok([take("classes", list_bytes, output)?, take("log-probabilities", list_bytes, output)?]))
                .transpose()?,
            staging: take("staging", read_back, Usage::MAP_READ | Usage::COPY_DST)?,
            pending: None,
        })
    }

    fn call<'b>(&'b self, job: &Job<'_>, summary: Option<&'b wgpu::Buffer>) -> Call<'b> {
        fn matrix(buffer: &wgpu::Buffer, stride: usize, storage: Storage) -> Matrix<'_> {
            Matrix { buffer, offset: 0, stride: stride as u64, storage }
        }
        let dense = job.logits.classes() * job.logits.inner();
        let input = |input: &'b Option<Input>, view: Option<Logits<'_>>| {
            input.as_ref().zip(view).map(|(input, view)| matrix(&input.buffer, view.stride(), view.storage()))
        };
        let output = |output: &'b Option<Output>| output.as_ref().map(|output| matrix(&output.buffer, dense, job.elements.storage));
        Call {
            params: job.params,
            features: job.features,
            inner: job.logits.inner() as u64,
            matrices: Matrices {
                logits: Some(matrix(&self.logits.buffer, job.logits.stride(), job.logits.storage())),
                second: input(&self.second, job.second),
                third: input(&self.third, job.third),
                result: output(&self.result),
                target_result: output(&self.target_result),
            },
            words: Some((&self.words, self.layout)),
            mask: self.mask.as_ref().zip(job.mask).map(|(buffer, mask)| Mask { buffer, offset: 0, stride: mask.stride() as u64 }),
            states_in: self.states_in.as_ref(),
            states_out: self.states_out.as_ref(),
            summary,
            lists: self.lists.as_ref(),
            ..Call::new(job.kernel, job.classes())
        }
    }

    /// Uploads what a window's rows are given in words.
    fn upload_words(&self, gpu: &Gpu, encoder: &mut wgpu::CommandEncoder, job: &Job<'_>, first: usize, count: usize) -> Result<()> {
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
        gpu.upload(encoder, &self.words, bytemuck::cast_slice(&words))
    }

    /// Uploads what else a window's rows are given, what has to be copied to its place by way of the encoder.
    async fn upload_rows(&self, gpu: &Gpu, encoder: &mut wgpu::CommandEncoder, job: &Job<'_>, first: usize, count: usize) -> Result<()> {
        let matrices = [(Some(&self.logits), Some(job.logits)), (self.second.as_ref(), job.second), (self.third.as_ref(), job.third)];
        for (input, view) in matrices {
            if let (Some(input), Some(view)) = (input, view) {
                input.put(gpu, encoder, view.window(first, count)).await?;
            }
        }
        if let (Some(buffer), Some(mask)) = (&self.mask, job.mask) {
            let all_rows = mask.stride() == 0;
            let words = if all_rows { mask.words() } else { &mask.words()[first * mask.stride()..][..count * mask.stride()] };
            gpu.upload(encoder, buffer, bytemuck::cast_slice(words))?;
        }
        if let (Some(buffer), Some(states)) = (&self.states_in, job.states_in) {
            gpu.upload(encoder, buffer, bytemuck::cast_slice(&states[first..first + count]))?;
        }
        Ok(())
    }

    /// Records what brings a window's results to where they are read, and submits.
    fn submit(
        &self,
        gpu: &Gpu,
        mut encoder: wgpu::CommandEncoder,
        job: &Job<'_>,
        count: usize,
        summary: Option<&wgpu::Buffer>,
    ) -> Result<Pending> {
        let mut read = Vec::new();
        let dense = (count * job.logits.classes() * job.elements.storage.bytes()) as u64;
        for (part, output) in [(Part::Result, &self.result), (Part::TargetResult, &self.target_result)] {
            if let Some(output) = output {
                read.push((part, output.fetch(&mut encoder, dense).clone(), dense));
            }
        }
        let mut bytes = 0;
        let mut copy = |buffer: &wgpu::Buffer, offset: u64, size: u64| {
            encoder.copy_buffer_to_buffer(buffer, offset, &self.staging, bytes, size);
            bytes += size;
        };
        for start in (0..ROW_OUTPUTS).filter(|&i| job.returned[i]).filter_map(|i| self.layout.outputs[i]) {
            copy(&self.words, u64::from(start) * 4, count as u64 * 4);
        }
        for list in self.lists.iter().flatten() {
            copy(list, 0, count as u64 * u64::from(job.lists.unwrap_or(0)) * 4);
        }
        if let Some(states) = &self.states_out {
            copy(states, 0, count as u64 * STATS_BYTES);
        }
        if let Some(summary) = summary {
            copy(summary, 0, SUMMARY_BYTES);
        }
        if bytes > 0 {
            read.push((Part::Rest, self.staging.clone(), bytes));
        }
        Ok(Pending { count, submission: gpu.submit(encoder)?, read })
    }

    /// Waits for the window under way, if there is one, and appends its results to what is there, or puts them to the start of
    /// the place for them and moves that on.
    async fn collect(&mut self, gpu: &Gpu, job: &Job<'_>, done: &mut Done, place: &mut Option<&mut [u8]>) -> Result<()> {
        let Some(Pending { count, submission, read }) = self.pending.take() else { return Ok(()) };
        let buffers: Vec<_> = read.iter().map(|(_, buffer, bytes)| (buffer, *bytes)).collect();
        gpu.read(&buffers, Some(submission), |number, bytes| match read[number].0 {
            Part::Result if place.is_some() => {
                let (now, later) = place.take().unwrap_or_default().split_at_mut(bytes.len());
                copy(bytes, now);
                *place = Some(later);
            }
            Part::Result => done.elements.fill(bytes),
            Part::TargetResult => done.target_elements.fill(bytes),
            Part::Rest => self.take_apart(job, count, bytes, done),
        })
        .await
    }

    /// The results of a window that are no matrices, in the order in which they were copied.
    fn take_apart(&self, job: &Job<'_>, count: usize, bytes: &[u8], done: &mut Done) {
        let mut rest = bytes;
        let mut take = |size: usize| {
            let (taken, after) = rest.split_at(size);
            rest = after;
            taken
        };
        for i in (0..ROW_OUTPUTS).filter(|&i| job.returned[i] && self.layout.outputs[i].is_some()) {
            done.rows[i].extend_from_slice(bytemuck::cast_slice(take(count * 4)));
        }
        if let Some(length) = job.lists {
            let listed = count * length as usize * 4;
            done.list_classes.extend_from_slice(bytemuck::cast_slice(take(listed)));
            done.list_log_probs.extend_from_slice(bytemuck::cast_slice(take(listed)));
        }
        if self.states_out.is_some() {
            done.states.extend_from_slice(bytemuck::cast_slice(take(count * size_of::<RowState>())));
        }
        if !rest.is_empty() {
            done.summary = bytemuck::pod_read_unaligned(rest);
        }
    }
}

/// Runs a job.
pub(crate) async fn run(gpu: &Gpu, job: &Job<'_>) -> Result<Done> {
    run_into(gpu, job, None).await
}

/// Runs a job whose result of the logits' shape goes to memory of the caller, if there is some: it is as long as that.
pub(crate) async fn run_into(gpu: &Gpu, job: &Job<'_>, mut place: Option<&mut [u8]>) -> Result<Done> {
    let mut done = Done::default();
    let (rows, classes) = (job.logits.rows(), job.logits.classes());
    if rows == 0 {
        return Ok(done);
    }
    let plan = gpu.plan(&job.work())?;
    log::debug!("{} {rows} x {classes}: {plan}", job.kernel.name);
    // As many windows as must be, of the same size: two windows take no more memory than all rows.
    let blocks = rows / job.logits.inner();
    let step = blocks.div_ceil(plan.windows as usize) * job.logits.inner();
    let plan = Plan { window_rows: step as u64, windows: rows.div_ceil(step) as u64, ..plan };
    let mut loans = Loans::new(gpu);
    let at_once = windows_at_once(gpu, job).min(plan.windows as usize);
    let sets = (0..at_once).map(|_| Set::new(gpu, &mut loans, job, &plan));
    let mut sets = sets.collect::<Result<Vec<_>>>()?;
    let new_summary = job.reduction.map(|_| new_summary(gpu, rows, SummaryWords::default())).transpose()?;
    let summary = new_summary.as_ref();
    if job.elements.result && place.is_none() {
        done.elements = Stored::new(job.elements.storage, rows * classes)?;
    }
    if job.elements.target_result {
        done.target_elements = Stored::new(job.elements.storage, rows * classes)?;
    }
    let windows = || {
        let counted = (0..rows).step_by(step).map(|first| (first, (rows - first).min(step)));
        counted.map(|(first, count)| (first, count, Window { first: first as u64, rows: count as u64, matrix_first: 0 }))
    };
    // The denominator of a mean is known before the first gradient is.
    if job.reduction.is_some() {
        let call = sets[0].call(job, summary);
        for (first, count, window) in windows() {
            gpu.go_on()?;
            let mut encoder = gpu.encoder()?;
            sets[0].upload_words(gpu, &mut encoder, job, first, count)?;
            check_targets(gpu, &mut encoder, &call, window)?;
            gpu.submit(encoder)?;
        }
    }
    for (number, (first, count, window)) in windows().enumerate() {
        gpu.go_on()?;
        let set = &mut sets[number % at_once];
        set.collect(gpu, job, &mut done, &mut place).await?;
        let call = set.call(job, summary);
        let mut encoder = gpu.encoder()?;
        // The check has left them where they are if there is only one window.
        if job.reduction.is_none() || plan.windows > 1 {
            set.upload_words(gpu, &mut encoder, job, first, count)?;
        }
        set.upload_rows(gpu, &mut encoder, job, first, count).await?;
        copy_denominator(&mut encoder, &call);
        encode_passes(gpu, &mut encoder, &job.before, &call, &plan, window)?;
        if job.reduction.is_some() {
            reduce_loss(gpu, &mut encoder, &call, window)?;
        }
        set.pending = Some(set.submit(gpu, encoder, job, count, summary)?);
    }
    let (older, newer) = sets.split_at_mut(plan.windows as usize % at_once);
    for set in newer.iter_mut().chain(older) {
        set.collect(gpu, job, &mut done, &mut place).await?;
    }
    drop(sets);
    gpu.let_go(new_summary);
    loans.give_back();
    Ok(done)
}
