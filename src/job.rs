//! What a host-level call asks of a kernel, and what comes back.

use std::borrow::Cow;

use bytemuck::allocation::try_zeroed_vec;
use bytemuck::{Pod, Zeroable};

use crate::copy::copy;
use crate::launch::{Params, Pass};
use crate::options::Reduction;
use crate::plan::{STATS_BYTES, Work};
use crate::shader::{Features, Kernel, Transform};
use crate::summary::SummaryWords;
use crate::transform::{ClassMask, LogitTransform};
use crate::words::{CLASS_INPUTS, ClassInput, ROW_INPUTS, ROW_OUTPUTS, RowInput, RowOutput, Wanted};
use crate::{Element, Error, Factor, Logits, Result, RowState, Storage};

/// The most bytes of a matrix that a host-level call keeps on the device at once.
const HOST_WINDOW: u64 = 16 << 20;

/// A longer result is made of zeros: up to here allocators may hand out memory that was used before, and write zeros to it first (glibc), beyond
/// the system's pages, which are zero already.
const ZEROED: u64 = 32 << 20;

/// Which results of the logits' shape a kernel writes and returns, and how they are stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements {
    pub(crate) result: bool,
    pub(crate) target_result: bool,
    pub(crate) storage: Storage,
}

/// A result of the logits' shape, as it is stored, that comes window after window.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    values: Values,
    /// The bytes that have come.
    filled: usize,
}

#[derive(Debug)]
enum Values {
    Words(Vec<f32>),
    Halves(Vec<u16>),
}

impl Default for Values {
    fn default() -> Self {
        Self::Words(Vec::new())
    }
}

impl Stored {
    /// Room for so many elements. If they are many, they are there at once, as zeros: then threads can share the work of filling them.
    pub(crate) fn new(storage: Storage, elements: usize) -> Result<Self> {
        let bytes = elements as u64 * storage.bytes() as u64;
        let none = |()| Error::OutOfMemory { bytes, message: "the host has no room for the result".into() };
        let zeroed = bytes > ZEROED;
        let values = if storage.is_half() {
            Values::Halves(room(elements, zeroed).map_err(none)?)
        } else {
            Values::Words(room(elements, zeroed).map_err(none)?)
        };
        Ok(Self { values, filled: 0 })
    }

    /// Takes in the bytes of the next window.
    pub(crate) fn fill(&mut self, bytes: &[u8]) {
        match &mut self.values {
            Values::Words(words) => fill(words, self.filled, bytes),
            Values::Halves(halves) => fill(halves, self.filled, bytes),
        }
        self.filled += bytes.len();
    }

    /// Once, as the type that the job was given the storage of.
    pub(crate) fn take<T: Element>(&mut self) -> Vec<T> {
        match std::mem::take(self).values {
            Values::Words(words) if words.is_empty() => Vec::new(),
            Values::Words(words) => bytemuck::cast_vec(words),
            Values::Halves(halves) => bytemuck::cast_vec(halves),
        }
    }
}

fn room<T: Zeroable>(elements: usize, zeroed: bool) -> Result<Vec<T>, ()> {
    if zeroed {
        return try_zeroed_vec(elements);
    }
    let mut values = Vec::new();
    values.try_reserve_exact(elements).map_err(drop)?;
    Ok(values)
}

fn fill<T: Pod>(values: &mut Vec<T>, filled: usize, bytes: &[u8]) {
    match bytemuck::cast_slice_mut(values).get_mut(filled..filled + bytes.len()) {
        Some(there) => copy(bytes, there),
        None => values.extend_from_slice(bytemuck::cast_slice(bytes)),
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
    pub(crate) class_inputs: [Option<&'a [f32]>; CLASS_INPUTS],
    pub(crate) row_inputs: [Option<Cow<'a, [u32]>>; ROW_INPUTS],
    pub(crate) states_in: Option<&'a [RowState]>,
    pub(crate) elements: Elements,
    pub(crate) states_out: bool,
    /// Results of one word a row that the kernel writes, and those of them that are returned.
    outputs: [bool; ROW_OUTPUTS],
    pub(crate) returned: [bool; ROW_OUTPUTS],
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

    pub(crate) fn wanted(&self) -> Wanted {
        Wanted {
            classes: self.class_inputs.map(|input| input.is_some()),
            inputs: std::array::from_fn(|i| self.row_inputs[i].is_some()),
            outputs: self.outputs,
        }
    }

    pub(crate) fn classes(&self) -> u64 {
        self.logits.classes() as u64
    }

    /// The length of the class inputs: that of the vocabulary, if the logits are a piece of it.
    pub(crate) fn class_words(&self) -> u64 {
        self.class_inputs.iter().flatten().map(|values| values.len() as u64).max().unwrap_or(0)
    }

    pub(crate) fn work(&self) -> Work {
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
            can_hold: self.kernel.can_hold(),
            window_bytes: HOST_WINDOW,
            can_copy: self.kernel.reads_all(),
            can_tile: self.kernel.reads_all() && self.logits.stride() == dense,
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
    pub(crate) rows: [Vec<u32>; ROW_OUTPUTS],
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

#[cfg(test)]
mod tests {
    use wgpu::{AdapterInfo, Backend, DeviceType, Features, Limits};

    use super::*;
    use crate::shader::SOFTMAX_KERNEL;
    use crate::{Caps, Plan};

    /// What a submission of a host-level call works on: at most 16 MiB of a matrix, or one row or block of rows, on any adapter.
    #[test]
    fn a_submission_is_bounded() {
        let zeros = vec![0_f32; 40 << 20];
        let limits =
            [Limits::defaults(), Limits { max_storage_buffer_binding_size: 1 << 30, max_buffer_size: 1 << 31, ..Limits::defaults() }];
        for device_type in [DeviceType::Cpu, DeviceType::DiscreteGpu] {
            for limits in &limits {
                let caps = Caps::of(&AdapterInfo::new(device_type, Backend::Vulkan), Features::empty(), limits);
                // A block is a row, or all rows with the same index into the dimensions in front of the classes.
                for (blocks, classes, inner) in [
                    (40 << 20, 1, 1),
                    (1 << 22, 10, 1),
                    (41_000, 1000, 1),
                    (9, 4 << 20, 1),
                    (1, 30 << 20, 1),
                    (400, 100, 1000),
                    (9, 9, 500_000),
                ] {
                    let data = &zeros[..blocks * classes * inner];
                    let logits = Logits::with_blocks(data, blocks, classes, inner, classes * inner).unwrap();
                    let job = Job::new(&SOFTMAX_KERNEL, &logits).elements::<f32>();
                    let plan = Plan::new(&job.work(), &caps, None).unwrap();
                    let bytes = plan.window_rows.min((blocks * inner) as u64) * classes as u64 * 4;
                    let block = (classes * inner * 4) as u64;
                    assert!(bytes <= HOST_WINDOW.max(block), "{blocks} x {classes} x {inner}, {device_type:?}: {bytes} bytes, {plan}");
                    assert!(plan.windows >= (data.len() as u64 * 4).div_ceil(HOST_WINDOW.max(block)), "{plan}");
                }
            }
        }
    }
}
