//! What a cross-entropy call knows of all its rows together, and the two vector kernels that find it out.

use crate::gpu::Gpu;
use crate::launch::{Call, RowOut, Window, encode};
use crate::options::Reduction;
use crate::plan::{Plan, Strategy, Work, max_words};
use crate::shader::{CHECK_TARGETS_KERNEL, Kernel, REDUCE_LOSS_KERNEL};
use crate::views::Storage;
use crate::{Error, Result};

/// `Summary` of `summary.wgsl`, word for word; a test compares the two.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct SummaryWords {
    pub(crate) valid: u32,
    pub(crate) bad: u32,
    pub(crate) bad_row: u32,
    pub(crate) bad_target: u32,
    pub(crate) correct: u32,
    pub(crate) loss: f32,
    pub(crate) loss_sum: f32,
    pub(crate) loss_low: f32,
    pub(crate) loss_magnitude: u32,
    pub(crate) ran: u32,
    pub(crate) padding: [u32; 2],
}

pub(crate) const SUMMARY_BYTES: u64 = size_of::<SummaryWords>() as u64;

/// The byte where the reduced loss lies.
pub(crate) const LOSS_OFFSET: u64 = std::mem::offset_of!(SummaryWords, loss) as u64;

impl SummaryWords {
    /// Waits for everything submitted so far and reads a summary.
    pub(crate) async fn read(gpu: &Gpu, buffer: &wgpu::Buffer) -> Result<Self> {
        let staging = gpu.scratch("summary", SUMMARY_BYTES, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST)?;
        let mut encoder = gpu.encoder()?;
        encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, SUMMARY_BYTES);
        let submission = gpu.submit(encoder)?;
        gpu.read(&staging, SUMMARY_BYTES, submission, bytemuck::pod_read_unaligned).await
    }

    /// The targets' fault, if there is one, and that there are results at all. Device targets are words: one above `i32::MAX` is shown as the negative number it may be.
    pub(crate) fn check(&self, classes: usize, ignore_index: Option<i64>) -> Result<()> {
        if self.ran == 0 {
            return Err(Error::Options("the summary was read before the recorded commands were submitted".into()));
        }
        if self.bad == 0 {
            return Ok(());
        }
        Err(Error::Target { row: self.bad_row as usize, target: i64::from(self.bad_target.cast_signed()), classes, ignore_index })
    }
}

/// A call's summary, before any row: the loss of no rows.
pub(crate) fn new_summary(gpu: &Gpu, reduction: Reduction, rows: usize) -> Result<wgpu::Buffer> {
    use wgpu::BufferUsages as Usage;
    let loss = if reduction == Reduction::Mean { f32::NAN } else { 0.0 };
    gpu.filled(
        "summary",
        bytemuck::bytes_of(&SummaryWords { loss, ran: u32::from(rows == 0), ..Default::default() }),
        Usage::STORAGE | Usage::COPY_SRC,
    )
}

/// Records the check of all targets of a call into its summary.
pub(crate) fn check_targets(gpu: &Gpu, encoder: &mut wgpu::CommandEncoder, call: &Call<'_>, rows: u64) -> Result<()> {
    let most = max_words(gpu.caps());
    let mut first = 0;
    while first < rows {
        let words = (rows - first).min(most);
        let vector = Call { targets: call.targets, ..vector_call(&CHECK_TARGETS_KERNEL, call, words) };
        encode_vector(gpu, encoder, &vector, first)?;
        first += words;
    }
    Ok(())
}

/// Records the addition of a window's row losses to the call's summary.
pub(crate) fn reduce_loss(gpu: &Gpu, encoder: &mut wgpu::CommandEncoder, call: &Call<'_>, window: Window) -> Result<()> {
    let row_out = call.row_out.map(|r| RowOut { lse: None, ..r });
    let vector = Call { targets: call.targets, row_out, ..vector_call(&REDUCE_LOSS_KERNEL, call, window.rows) };
    encode_vector(gpu, encoder, &vector, window.first)
}

fn vector_call<'a>(kernel: &'static Kernel, call: &Call<'a>, words: u64) -> Call<'a> {
    Call { summary: call.summary, ignore_index: call.ignore_index, mean: call.mean, bound: call.bound, ..Call::new(kernel, words) }
}

fn encode_vector(gpu: &Gpu, encoder: &mut wgpu::CommandEncoder, call: &Call<'_>, first: u64) -> Result<()> {
    let work = Work { subgroups: false, ..Work::dense(1, call.classes, Storage::F32, false) };
    // Tests force strategies on vectors too, but there is no subgroup variant of these.
    let forced = gpu.forced().map(|s| match s {
        Strategy::Subgroup => Strategy::Workgroup,
        Strategy::SplitSubgroup => Strategy::SplitWorkgroup,
        other => other,
    });
    let plan = Plan::new(&work, gpu.caps(), forced).or_else(|_| Plan::new(&work, gpu.caps(), None))?;
    encode(gpu, encoder, call, &plan, Window { first, rows: 1, matrix_first: 0 })
}
