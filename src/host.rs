//! Host level: slices in, owned results out, window after window through the same kernels as the device level.

use crate::gpu::Gpu;
use crate::launch::{Call, Matrix, RowOut, Vector, Window, encode};
use crate::options::Reduction;
use crate::plan::{Plan, Work};
use crate::shader::Kernel;
use crate::summary::{SummaryWords, check_targets, new_summary, reduce_loss};
use crate::{Logits, Result};

/// The most bytes of a matrix that a host-level call keeps on the device at once.
const HOST_WINDOW: u64 = 64 << 20;

/// What a host-level call asks of a kernel.
pub(crate) struct Job<'a> {
    pub(crate) kernel: &'static Kernel,
    pub(crate) logits: Logits<'a>,
    pub(crate) second: Option<Logits<'a>>,
    /// Whether the kernel writes a matrix of the logits' shape.
    pub(crate) elements: bool,
    /// Whether the losses of the rows are computed; returned only if `returns_loss`.
    pub(crate) loss: bool,
    pub(crate) returns_loss: bool,
    pub(crate) lse: bool,
    pub(crate) argmax: bool,
    /// Encoded targets.
    pub(crate) targets: Option<Vec<u32>>,
    pub(crate) upstream: Option<&'a [f32]>,
    pub(crate) saved_lse: Option<&'a [f32]>,
    pub(crate) saved_loss: Option<&'a [f32]>,
    pub(crate) mean: bool,
    pub(crate) scale: f32,
}

impl<'a> Job<'a> {
    pub(crate) fn new(kernel: &'static Kernel, logits: &Logits<'a>) -> Self {
        Self {
            kernel,
            logits: *logits,
            second: None,
            elements: false,
            loss: false,
            returns_loss: false,
            lse: false,
            argmax: false,
            targets: None,
            upstream: None,
            saved_lse: None,
            saved_loss: None,
            mean: false,
            scale: 1.0,
        }
    }

    fn work(&self) -> Work {
        let stride = self.second.map_or(0, |s| s.stride()).max(self.logits.stride()) as u64;
        let storage = self.logits.storage();
        let row_bytes = stride.saturating_mul(storage.bytes() as u64).max(self.planes() * 4);
        Work {
            rows: self.logits.rows() as u64,
            classes: self.logits.classes() as u64,
            storage,
            row_bytes,
            elements: self.elements,
            subgroups: self.kernel.has_subgroups(),
            window_bytes: HOST_WINDOW,
        }
    }

    /// Results of one word a row.
    fn planes(&self) -> u64 {
        u64::from(self.loss) + u64::from(self.lse) + u64::from(self.argmax)
    }
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) elements: Vec<f32>,
    pub(crate) loss: Vec<f32>,
    pub(crate) lse: Vec<f32>,
    pub(crate) argmax: Vec<u32>,
    pub(crate) summary: SummaryWords,
}

/// Device buffers of a job, reused from window to window.
struct Buffers {
    logits: wgpu::Buffer,
    second: Option<wgpu::Buffer>,
    result: Option<wgpu::Buffer>,
    row_out: Option<wgpu::Buffer>,
    staging: wgpu::Buffer,
    targets: Option<wgpu::Buffer>,
    upstream: Option<wgpu::Buffer>,
    saved_lse: Option<wgpu::Buffer>,
    saved_loss: Option<wgpu::Buffer>,
    summary: Option<wgpu::Buffer>,
}

impl Buffers {
    fn new(gpu: &Gpu, job: &Job<'_>, plan: &Plan) -> Result<Self> {
        use wgpu::BufferUsages as Usage;
        let input = Usage::STORAGE | Usage::COPY_DST;
        let output = Usage::STORAGE | Usage::COPY_SRC;
        let bytes = job.logits.storage().bytes() as u64;
        let matrix =
            |label, stride: usize, usage| gpu.scratch(label, (plan.window_rows * stride as u64 * bytes).next_multiple_of(16), usage);
        let vector = |label, words: Option<&[u8]>| words.map(|bytes| uploaded(gpu, label, bytes)).transpose();
        let reduction = if job.mean { Reduction::Mean } else { Reduction::Sum };
        let elements = if job.elements { plan.window_rows * job.logits.classes() as u64 * 4 } else { 0 };
        let planes = plan.window_rows * job.planes() * 4;
        Ok(Self {
            logits: matrix("logits", job.logits.stride(), input)?,
            second: job.second.map(|s| matrix("second", s.stride(), input)).transpose()?,
            result: job.elements.then(|| matrix("result", job.logits.classes(), output)).transpose()?,
            row_out: (planes > 0).then(|| gpu.scratch("rows", planes, output)).transpose()?,
            staging: gpu.scratch("staging", elements + planes, Usage::MAP_READ | Usage::COPY_DST)?,
            targets: vector("targets", job.targets.as_deref().map(bytemuck::cast_slice))?,
            upstream: vector("upstream", job.upstream.map(bytemuck::cast_slice))?,
            saved_lse: vector("saved logsumexp", job.saved_lse.map(bytemuck::cast_slice))?,
            saved_loss: vector("saved loss", job.saved_loss.map(bytemuck::cast_slice))?,
            summary: job.targets.is_some().then(|| new_summary(gpu, reduction, job.logits.rows())).transpose()?,
        })
    }

    fn call<'b>(&'b self, job: &Job<'_>, window_rows: u64) -> Call<'b> {
        fn vector(buffer: &wgpu::Buffer) -> Vector<'_> {
            Vector { buffer, offset: 0 }
        }
        let matrix = |buffer, stride: usize| Matrix { buffer, offset: 0, stride: stride as u64, storage: job.logits.storage() };
        Call {
            logits: Some(matrix(&self.logits, job.logits.stride())),
            second: self.second.as_ref().zip(job.second).map(|(b, s)| matrix(b, s.stride())),
            result: self.result.as_ref().map(|b| matrix(b, job.logits.classes())),
            targets: self.targets.as_ref().map(vector),
            upstream: self.upstream.as_ref().map(vector),
            saved_lse: self.saved_lse.as_ref().map(vector),
            saved_loss: self.saved_loss.as_ref().map(vector),
            row_out: self.row_out.as_ref().map(|buffer| RowOut::new(buffer, window_rows as u32, [job.loss, job.lse, job.argmax])),
            summary: self.summary.as_ref(),
            ignore_index: job.targets.is_some().then_some(crate::views::IGNORED),
            mean: job.mean,
            scale: job.scale,
            bound: job.logits.classes() as u64,
            ..Call::new(job.kernel, job.logits.classes() as u64)
        }
    }
}

fn uploaded(gpu: &Gpu, label: &str, bytes: &[u8]) -> Result<wgpu::Buffer> {
    let buffer = gpu.scratch(label, bytes.len() as u64, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST)?;
    gpu.upload(&buffer, bytes)?;
    Ok(buffer)
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
    let call = buffers.call(job, plan.window_rows);
    if job.elements {
        done.elements.reserve_exact(rows * classes);
    }
    if buffers.summary.is_some() {
        let mut encoder = gpu.encoder()?;
        check_targets(gpu, &mut encoder, &call, rows as u64)?;
        gpu.submit(encoder)?;
    }
    for first in (0..rows).step_by(plan.window_rows as usize) {
        let count = (rows - first).min(plan.window_rows as usize);
        let window = Window { first: first as u64, rows: count as u64, matrix_first: 0 };
        gpu.upload(&buffers.logits, job.logits.window(first, count))?;
        if let (Some(buffer), Some(second)) = (&buffers.second, &job.second) {
            gpu.upload(buffer, second.window(first, count))?;
        }
        let mut encoder = gpu.encoder()?;
        encode(gpu, &mut encoder, &call, &plan, window)?;
        if job.loss {
            reduce_loss(gpu, &mut encoder, &call, window)?;
        }
        collect(gpu, encoder, job, &buffers, &call, count, &mut done).await?;
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
    call: &Call<'_>,
    count: usize,
    done: &mut Done,
) -> Result<()> {
    let mut bytes = 0;
    let mut copy = |buffer: &wgpu::Buffer, offset: u64, words: usize| {
        let size = words as u64 * 4;
        encoder.copy_buffer_to_buffer(buffer, offset, &buffers.staging, bytes, size);
        bytes += size;
    };
    let elements = if job.elements { count * job.logits.classes() } else { 0 };
    if let Some(result) = buffers.result.as_ref().filter(|_| elements > 0) {
        copy(result, 0, elements);
    }
    let planes = call.row_out.map_or([None; 3], |r| [r.loss.filter(|_| job.returns_loss), r.lse, r.argmax]);
    for start in planes.into_iter().flatten() {
        if let Some(row_out) = &buffers.row_out {
            copy(row_out, u64::from(start) * 4, count);
        }
    }
    let submission = gpu.submit(encoder)?;
    if bytes == 0 {
        return Ok(());
    }
    gpu.read(&buffers.staging, bytes, submission, |view| {
        let (matrix, mut rest) = view.split_at(elements * 4);
        done.elements.extend_from_slice(bytemuck::cast_slice(matrix));
        let mut take = |start: Option<u32>| {
            let (plane, after) = rest.split_at(if start.is_some() { count * 4 } else { 0 });
            rest = after;
            plane
        };
        done.loss.extend_from_slice(bytemuck::cast_slice(take(planes[0])));
        done.lse.extend_from_slice(bytemuck::cast_slice(take(planes[1])));
        done.argmax.extend_from_slice(bytemuck::cast_slice(take(planes[2])));
    })
    .await
}
