//! Kernels without wgpu's checks of bounds and loops give the same bits and write nothing beside their results: no index is left to
//! be set right by anyone (`docs/decisions/0015-unsafe-code-and-bounds.md`).

use std::cell::Cell;

use wgpu::BufferUsages as Usage;

use crate::wrong_kernels::data::{Data, make};
use crate::{AdapterChoice, ClassMask, CrossEntropy, DeviceMatrix, Gpu, LogitTransform, Logits, Output, Reduction, Strategy, Targets};

thread_local! {
    /// Whether this thread compiles without checks.
    static UNCHECKED: Cell<bool> = const { Cell::new(false) };
}

pub(crate) fn module(device: &wgpu::Device, descriptor: wgpu::ShaderModuleDescriptor<'_>) -> wgpu::ShaderModule {
    if !UNCHECKED.get() {
        return device.create_shader_module(descriptor);
    }
    // SAFETY: no index is out of range and every loop ends, which is what this test is about, on software adapters of its own process.
    #[expect(unsafe_code, reason = "leaving out the checks is unsafe: see above")]
    unsafe {
        device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked())
    }
}

fn bits(values: &[f32]) -> impl Iterator<Item = u32> {
    values.iter().map(|value| value.to_bits())
}

/// The bits of all results of some calls, of shapes whose last quads and words are not full.
fn results(gpu: &Gpu, rows: usize, classes: usize) -> Vec<u32> {
    let (values, mut targets) = make(Data::Outliers, rows, classes, 5);
    targets[1] = -100;
    let (logits, targets) = (Logits::new(&values, rows, classes).unwrap(), Targets::new(&targets));
    let words: Vec<u32> = (0..rows * classes.div_ceil(32)).map(|i| 0x9e37_79b9_u32.wrapping_mul(i as u32) | 1).collect();
    let transform = LogitTransform::new().mask(ClassMask::per_row(&words, rows, classes).unwrap());
    let weights: Vec<f32> = (0..classes).map(|c| 1.0 + (c % 3) as f32).collect();
    let options = CrossEntropy::new().reduction(Reduction::None).label_smoothing(0.1).class_weights(&weights[..]);
    let options = options.logsumexp(true).argmax(true).rank(true).entropy(true).gradient(true);
    let out = gpu.cross_entropy(&logits, &targets, &options).unwrap();
    let top = gpu.top_k_log_probs(&logits, 3, &transform).unwrap();
    let blocks = Logits::with_shape(&values, &[1, classes, rows], 1).unwrap();

    let mut all: Vec<u32> = bits(&out.row_loss.unwrap()).chain(bits(&out.gradient.unwrap())).chain(bits(&out.logsumexp.unwrap())).collect();
    all.extend(bits(&out.entropy.unwrap()).chain(out.argmax.unwrap()).chain(out.rank.unwrap()));
    all.extend(top.classes.iter().copied().chain(bits(&top.log_probs)));
    all.extend(bits(&gpu.softmax_with(&logits, &transform).unwrap()));
    all.extend(bits(&gpu.log_softmax(&blocks).unwrap()));
    all
}

/// A buffer of 64 rows' room in which a softmax of padded rows was written, what is around them included.
fn beside(gpu: &Gpu, rows: usize, classes: usize) -> (Vec<u32>, Vec<bool>) {
    let (lead, stride) = (13, classes + 2);
    let (values, _) = make(Data::Outliers, rows, stride, 6);
    let words = lead + rows * stride + 64;
    let buffer = |fill: &dyn Fn(usize) -> u32| {
        let usage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
        let descriptor = wgpu::BufferDescriptor { label: None, size: words as u64 * 4, usage, mapped_at_creation: false };
        let buffer = gpu.device().create_buffer(&descriptor);
        gpu.queue().write_buffer(&buffer, 0, bytemuck::cast_slice(&(0..words).map(fill).collect::<Vec<u32>>()));
        buffer
    };
    // NaN around the logits, canaries around the results.
    let from = buffer(&|i| i.checked_sub(lead).and_then(|i| values.get(i)).map_or(0x7fc0_1234, |value| value.to_bits()));
    let to = buffer(&|_| 0xdead_beef);
    let at = |buffer| DeviceMatrix::with_layout::<f32>(buffer, lead as u64 * 4, rows, classes, stride).unwrap();
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    gpu.record_softmax(&mut encoder, &at(&from), Output::To(at(&to))).unwrap();
    let usage = Usage::MAP_READ | Usage::COPY_DST;
    let staging = gpu.device().create_buffer(&wgpu::BufferDescriptor { label: None, size: to.size(), usage, mapped_at_creation: false });
    encoder.copy_buffer_to_buffer(&to, 0, &staging, 0, to.size());
    gpu.queue().submit([encoder.finish()]);
    staging.map_async(wgpu::MapMode::Read, .., |result| result.unwrap());
    gpu.device().poll(wgpu::PollType::wait_indefinitely()).unwrap();
    let written = bytemuck::cast_slice(&staging.get_mapped_range(..).unwrap()).to_vec();
    let is_result = |i: usize| i.checked_sub(lead).is_some_and(|i| i / stride < rows && i % stride < classes);
    (written, (0..words).map(is_result).collect())
}

#[test]
fn nothing_depends_on_checks() {
    let same = |gpu: &Gpu, strategy: Option<Strategy>| {
        let name = gpu.describe();
        for (rows, classes) in [(7, 33), (5, 1002)] {
            let run = |unchecked| {
                // Pipelines are of a handle and those made from it: another one compiles anew.
                let fresh =
                    Gpu::from_device(gpu.device().clone(), gpu.queue().clone()).with_strategy(strategy).with_vector_strategy(strategy);
                UNCHECKED.set(unchecked);
                let done = (results(&fresh, rows, classes), beside(&fresh, rows, classes));
                UNCHECKED.set(false);
                done
            };
            let (checked, unchecked) = (run(false), run(true));
            assert!(checked == unchecked, "{name}, {rows} x {classes}: other bits without checks");
            let (written, is_result) = unchecked.1;
            for (i, (&word, &is_result)) in written.iter().zip(&is_result).enumerate() {
                assert_eq!(word != 0xdead_beef, is_result, "{name}, {rows} x {classes}: word {i} is {word:#x}");
            }
        }
    };
    let adapters = Gpu::adapters();
    assert!(!adapters.is_empty(), "no adapter found: run scripts/setup.sh --tests");
    for adapter in adapters {
        let gpu = Gpu::open(&AdapterChoice::Index(adapter.index)).unwrap();
        same(&gpu, None);
        if adapter.index == 0 {
            same(&gpu, Some(Strategy::Workgroup));
        }
    }
}
