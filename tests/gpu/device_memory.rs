//! Device memory of calls on the caller's buffers, as the allocator of wgpu counts it: words of the rows, and nothing of the logits' size.
//!
//! Pipelines: cross-entropy and softmax at the planned strategy, and at one that cuts rows, on devices of their own.

use crate::device::{buffer, encoder};
use wgpu_xent::wgpu::{self, BufferUsages};
use wgpu_xent::{
    AdapterChoice, Avoid, CrossEntropy, CrossEntropyBuffers, DeviceMatrix, DeviceVector, Gpu, Output, Storage, Strategy, Work,
};

const SHAPE: (usize, usize) = (2048, 8000);
const BYTES: u64 = 4 * SHAPE.0 as u64 * SHAPE.1 as u64;

/// What a call may take: sixteen words a row, fifteen more for each chunk of a row, and 64 KiB.
const fn allowed(chunks: u64) -> u64 {
    SHAPE.0 as u64 * (64 + 60 * chunks) + (64 << 10)
}

/// Bytes of all buffers that are alive; `None` where the backend does not know.
fn allocated(gpu: &Gpu) -> Option<u64> {
    gpu.device().generate_allocator_report().map(|report| report.total_allocated_bytes)
}

fn matrix(gpu: &Gpu) -> wgpu::Buffer {
    let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
    gpu.device().create_buffer(&wgpu::BufferDescriptor { label: None, size: BYTES, usage, mapped_at_creation: false })
}

#[test]
fn a_call_adds_words_of_the_rows() {
    let mut measured = 0;
    for adapter in Gpu::adapters() {
        let gpu = Gpu::open(&AdapterChoice::Index(adapter.index)).unwrap();
        let Some(empty) = allocated(&gpu) else {
            assert_ne!(adapter.info.backend, wgpu::Backend::Vulkan, "Vulkan's allocator counts");
            continue;
        };
        measured += 1;
        let (logits, targets) = (matrix(&gpu), buffer(&gpu, &vec![7; SHAPE.0]));
        assert!(allocated(&gpu).unwrap() >= empty + BYTES, "{adapter}: what is counted is not what is allocated");
        let result = matrix(&gpu);
        let at = |buffer| DeviceMatrix::new::<f32>(buffer, SHAPE.0, SHAPE.1).unwrap();
        // A texture is 16 MiB, however large the logits: not what is counted here.
        let gpu = gpu.avoiding(&[Avoid::TextureReads]);
        for strategy in [None, Some(Strategy::SplitThread)] {
            let gpu = gpu.with_strategy(strategy);
            let plan = gpu.plan(&Work::dense(SHAPE.0 as u64, SHAPE.1 as u64, Storage::F32, true)).unwrap();
            let chunks = if plan.strategy.is_split() { u64::from(plan.chunks) } else { 0 };
            assert!(strategy.is_none() || chunks > 1, "{adapter}: {plan}");
            for in_place in [true, false] {
                let output = || if in_place { Output::InPlace } else { Output::To(at(&result)) };
                let what = format!("{adapter}, {strategy:?}, in place {in_place}");
                let before = allocated(&gpu).unwrap();
                let mut encoder = encoder(&gpu);
                let buffers =
                    CrossEntropyBuffers { gradient: Some(output()), ..CrossEntropyBuffers::new(at(&logits), DeviceVector::new(&targets)) };
                let pending = gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new()).unwrap();
                let recorded = allocated(&gpu).unwrap();
                gpu.queue().submit([encoder.finish()]);
                pending.read(&gpu).unwrap();
                let most = recorded.max(allocated(&gpu).unwrap());
                assert!(most > before, "{what}: a summary takes something");
                assert!(most - before <= allowed(chunks), "{what}: a loss with gradient adds {} bytes", most - before);
                drop(pending);
                let before = allocated(&gpu).unwrap();
                let mut encoder = self::encoder(&gpu);
                gpu.record_softmax(&mut encoder, &at(&logits), output()).unwrap();
                let added = allocated(&gpu).unwrap().saturating_sub(before);
                assert!(added <= allowed(chunks), "{what}: softmax adds {added} bytes");
                gpu.queue().submit([encoder.finish()]);
                gpu.device().poll(wgpu::PollType::wait_indefinitely()).unwrap();
            }
        }
    }
    assert!(measured > 0, "no adapter counts its memory");
}
