//! What a loss knows of all its rows together, and the two vector kernels that find it out.

use crate::caps::Caps;
use crate::faults::{FaultRows, Faults};
use crate::gpu::Gpu;
use crate::launch::{Call, Matrices, Window, encode};
use crate::plan::{Plan, Strategy, Work};
use crate::shader::{CHECK_TARGETS_KERNEL, Kernel, REDUCE_LOSS_KERNEL};
use crate::views::Storage;
use crate::{Error, Result};

/// `Summary` of `summary.wgsl`, word for word; a test compares the two.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct SummaryWords {
    pub(crate) rows: u32,
    pub(crate) valid: u32,
    pub(crate) bad: u32,
    pub(crate) bad_row: u32,
    pub(crate) bad_target: u32,
    pub(crate) weights: f32,
    pub(crate) weights_low: f32,
    pub(crate) all_weights: f32,
    pub(crate) all_weights_low: f32,
    pub(crate) denominator: f32,
    pub(crate) correct: u32,
    pub(crate) correct_top_k: u32,
    pub(crate) nan: u32,
    pub(crate) nan_row: u32,
    pub(crate) infinite: u32,
    pub(crate) infinite_row: u32,
    pub(crate) masked: u32,
    pub(crate) masked_row: u32,
    pub(crate) loss: f32,
    pub(crate) loss_sum: f32,
    pub(crate) loss_low: f32,
    pub(crate) loss_flags: u32,
    pub(crate) ran: u32,
    pub(crate) padding: u32,
}

pub(crate) const SUMMARY_BYTES: u64 = size_of::<SummaryWords>() as u64;

/// The bytes where the reduced loss and the denominator lie.
pub(crate) const LOSS_OFFSET: u64 = std::mem::offset_of!(SummaryWords, loss) as u64;
pub(crate) const DENOMINATOR_OFFSET: u64 = std::mem::offset_of!(SummaryWords, denominator) as u64;

impl SummaryWords {
    /// Waits for everything submitted so far and reads a summary, from its copy if there is one.
    pub(crate) async fn read(gpu: &Gpu, buffer: &wgpu::Buffer, copy: Option<wgpu::Buffer>) -> Result<Self> {
        let (copy, submission) = match copy {
            Some(copy) => (copy, None),
            None => {
                gpu.settled().await?;
                let mut encoder = gpu.encoder()?;
                let copy = summary_copy(gpu, &mut encoder, buffer)?;
                (copy, Some(gpu.submit(encoder)?))
            }
        };
        let mut words = Self::default();
        gpu.read(&[(&copy, SUMMARY_BYTES)], submission, |_, bytes| words = bytemuck::pod_read_unaligned(bytes)).await?;
        gpu.let_go(copy);
        Ok(words)
    }

    /// That there are results at all.
    pub(crate) fn check_ran(&self) -> Result<()> {
        if self.ran == 0 {
            return Err(Error::Options("the summary was read before the recorded commands were submitted".into()));
        }
        Ok(())
    }

    /// The rows that cannot have a loss.
    pub(crate) fn faults(&self, empty_denominator: bool) -> Faults {
        let rows = |count: u32, first: u32| FaultRows { count: count as usize, first: (count > 0).then_some(first as usize) };
        Faults {
            bad_targets: rows(self.bad, self.bad_row),
            nan: rows(self.nan, self.nan_row),
            positive_infinity: rows(self.infinite, self.infinite_row),
            fully_masked: rows(self.masked, self.masked_row),
            empty_denominator,
        }
    }
}

/// A call's summary before any row: of a call without rows it is all there is, their loss and what a mean divides by.
pub(crate) fn new_summary(gpu: &Gpu, rows: usize, of_none: SummaryWords) -> Result<wgpu::Buffer> {
    use wgpu::BufferUsages as Usage;
    let words = if rows == 0 { SummaryWords { ran: 1, ..of_none } } else { SummaryWords::default() };
    gpu.filled("summary", bytemuck::bytes_of(&words), Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST)
}

/// Records the copy of a summary to where the host reads it.
pub(crate) fn summary_copy(gpu: &Gpu, encoder: &mut wgpu::CommandEncoder, summary: &wgpu::Buffer) -> Result<wgpu::Buffer> {
    let copy = gpu.scratch("summary copy", SUMMARY_BYTES, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST)?;
    encoder.copy_buffer_to_buffer(summary, 0, &copy, 0, SUMMARY_BYTES);
    Ok(copy)
}

/// Records the check of a window's targets, whose words are in place, into the call's summary.
pub(crate) fn check_targets(gpu: &Gpu, encoder: &mut wgpu::CommandEncoder, call: &Call<'_>, window: Window) -> Result<()> {
    encode_vector(gpu, encoder, &CHECK_TARGETS_KERNEL, call, window)
}

/// Records the copy of the denominator to where the main kernel reads it.
pub(crate) fn copy_denominator(encoder: &mut wgpu::CommandEncoder, call: &Call<'_>) {
    if let (Some(summary), Some((words, _))) = (call.summary, call.words) {
        encoder.copy_buffer_to_buffer(summary, DENOMINATOR_OFFSET, words, 0, 4);
    }
}

/// Records the addition of a window's row losses to the call's summary.
pub(crate) fn reduce_loss(gpu: &Gpu, encoder: &mut wgpu::CommandEncoder, call: &Call<'_>, window: Window) -> Result<()> {
    encode_vector(gpu, encoder, &REDUCE_LOSS_KERNEL, call, window)
}

/// Runs a vector kernel on the words of a window: to it, they are one row.
fn encode_vector(gpu: &Gpu, encoder: &mut wgpu::CommandEncoder, kernel: &'static Kernel, call: &Call<'_>, window: Window) -> Result<()> {
    let vector = Call {
        kernel,
        features: kernel.features_of_vectors(&call.features),
        classes: window.rows,
        inner: 1,
        matrices: Matrices::default(),
        mask: None,
        states_in: None,
        states_out: None,
        ..*call
    };
    encode(gpu, encoder, &vector, &vector_plan(gpu, window.rows)?, Window { first: window.first, rows: 1, matrix_first: 0 }, None)
}

/// How a vector kernel runs. Who serves the rows of the call does not matter to it.
fn vector_plan(gpu: &Gpu, numbers: u64) -> Result<Plan> {
    let work = Work { subgroups: false, quads_a_pass: 1, can_tile: false, ..Work::dense(1, numbers, Storage::F32, false) };
    // There is no subgroup variant.
    let forced = gpu.vector_strategy().map(|s| match s {
        Strategy::Subgroup => Strategy::Workgroup,
        Strategy::SplitSubgroup => Strategy::SplitWorkgroup,
        other => other,
    });
    // Batch invariance is of the rows of a call, which all are one row here.
    let caps = &Caps { batch_invariant: false, ..gpu.caps().clone() };
    Plan::new(&work, caps, forced).or_else(|_| Plan::new(&work, caps, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AdapterChoice;

    /// A strategy for rows is timed with it: one thread that went through all losses would be most of a call.
    #[test]
    fn vectors_do_not_run_as_rows_are_forced_to() {
        let gpu = Gpu::open(&AdapterChoice::Index(0)).unwrap();
        for numbers in [1, 1000, 100_000] {
            let own = vector_plan(&gpu, numbers).unwrap();
            for strategy in Strategy::ALL {
                assert_eq!(vector_plan(&gpu.with_strategy(strategy), numbers).unwrap(), own, "{strategy}");
            }
        }
        let forced = vector_plan(&gpu.with_vector_strategy(Strategy::Thread), 50_000).unwrap();
        assert_eq!(forced.strategy, Strategy::Thread);
        assert_ne!(forced, vector_plan(&gpu, 50_000).unwrap());
    }
}
