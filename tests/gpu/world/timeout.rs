//! A GPU that takes longer than its caller has patience, slow or hung.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::vulkan;
use crate::device::{buffer, encoder};
use crate::host_path::{Case, same};
use wgpu_xent::wgpu::BufferUsages;
use wgpu_xent::{CrossEntropy, CrossEntropyBuffers, DeviceMatrix, DeviceVector, Error, Gpu, Output, PendingSummary};

const NO_TIME: Duration = Duration::from_micros(1);

fn is_late<T>(end: &Result<T, Error>, deadline: Duration) -> bool {
    matches!(end, Err(Error::Timeout { deadline: passed }) if *passed == deadline)
}

/// Tells when all that was submitted is done, be the device dropped meanwhile. The tests of this file wait for that at their end:
/// nothing in the library waits after a timeout, and a process that ends while SwiftShader works may crash in it (docs/faults.md).
fn when_done(gpu: &Gpu) -> mpsc::Receiver<()> {
    let (done, when_done) = mpsc::channel();
    gpu.queue().on_submitted_work_done(move || drop(done));
    when_done
}

/// Waits for the work that a device was left with, and for the thread that closes it.
fn outlive(when_done: &mpsc::Receiver<()>, name: &str) {
    let end = when_done.recv_timeout(Duration::from_secs(60));
    assert_eq!(end, Err(mpsc::RecvTimeoutError::Disconnected), "{name}: work that a dropped device was left with is not finished");
    std::thread::sleep(Duration::from_millis(100));
}

/// A call that is late says so and leaves its buffers to the GPU that may still write them; calls in its wake are right.
#[test]
fn a_call_that_is_late() {
    for gpu in vulkan() {
        let hasty = gpu.with_deadline(NO_TIME);
        for (number, shape) in [(4000, 1000), (1, 3_000_000), (9000, 1000)].into_iter().enumerate() {
            let case = Case::new(shape, number as u32);
            let expected = case.loss(&gpu).unwrap();
            gpu.trim();
            let expected_softmax = gpu.softmax(&case.logits()).unwrap();
            gpu.trim();
            for awaited in [false, true, false, true] {
                // A call may also be done before anyone looks.
                let is_seen_late = (0..50).any(|_| {
                    let logits = case.logits();
                    let end = if awaited { pollster::block_on(hasty.softmax_async(&logits)) } else { hasty.softmax(&logits) };
                    if let Ok(values) = &end {
                        assert!(same(values, &expected_softmax), "{}, {shape:?}", gpu.describe());
                        gpu.trim();
                        return false;
                    }
                    assert!(is_late(&end, NO_TIME), "{}, {shape:?}, {awaited}: {:?}", gpu.describe(), end.map(drop));
                    true
                });
                assert!(is_seen_late, "{}, {shape:?}, {awaited}: fifty calls were done in a microsecond", gpu.describe());
                let memory = gpu.call_memory();
                assert_eq!((memory.in_use, memory.kept), (0, 0), "buffers of work under way must not be used again");
                // While that work is under way.
                let got = case.loss(&gpu).unwrap();
                assert!(got.0 == expected.0 && same(&got.1, &expected.1), "{}, {shape:?}", gpu.describe());
                gpu.trim();
            }
        }
        let end = (0..50).find_map(|_| hasty.softmax(&Case::new((4000, 1000), 1).logits()).err());
        assert_eq!(end.unwrap().to_string(), "the GPU did not finish within 0.000001 s");
        let (when_done, name) = (when_done(&gpu), gpu.describe());
        drop((hasty, gpu));
        outlive(&when_done, &name);
    }
}

/// Work of a second or more, submitted.
fn long_work(gpu: &Gpu) -> PendingSummary {
    let case = Case::new((4000, 1000), 1);
    let (targets, usage) = (buffer(gpu, &case.indices), BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST);
    let make = || {
        let descriptor = wgpu::BufferDescriptor { label: None, size: 16_000_000, usage, mapped_at_creation: false };
        gpu.device().create_buffer(&descriptor)
    };
    let (logits, gradient) = (make(), make());
    let matrix = |buffer| DeviceMatrix::new::<f32>(buffer, 4000, 1000).unwrap();
    let buffers = CrossEntropyBuffers {
        gradient: Some(Output::To(matrix(&gradient))),
        ..CrossEntropyBuffers::new(matrix(&logits), DeviceVector::new(&targets))
    };
    let record = |count| {
        let mut encoder = encoder(gpu);
        let mut calls = (0..count).map(|_| gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new()).unwrap());
        let pending = calls.next_back().unwrap();
        calls.for_each(drop);
        gpu.queue().submit([encoder.finish()]);
        pending
    };
    record(1).read(gpu).unwrap();
    // One alone takes longer than one of many.
    let start = Instant::now();
    record(8).read(gpu).unwrap();
    record((8.0 * 3.0 / start.elapsed().as_secs_f64()).ceil() as usize)
}

/// Those who wait for the same work have each their own deadline, and a GPU that is dropped with it under way is not waited for.
#[test]
fn nobody_waits_longer_than_wanted() {
    let deadline = Duration::from_millis(150);
    for gpu in vulkan() {
        let pending = long_work(&gpu);
        let (hasty, start) = (gpu.with_deadline(deadline), Instant::now());
        std::thread::scope(|scope| {
            for kind in 0..4 {
                let (hasty, pending) = (&hasty, &pending);
                scope.spawn(move || {
                    let end = if kind == 0 { pending.read(hasty) } else { pollster::block_on(pending.read_async(hasty)) };
                    assert!(is_late(&end, deadline), "{}, {kind}, after {:?}: {end:?}", hasty.describe(), start.elapsed());
                });
            }
        });
        let waited = start.elapsed();
        assert!((deadline..3 * deadline).contains(&waited), "{}: four who wait 150 ms at once took {waited:?}", gpu.describe());
        let is_cpu = gpu.caps().cpu;
        let (when_done, name, start) = (when_done(&gpu), gpu.describe(), Instant::now());
        drop((pending, hasty, gpu));
        assert!(start.elapsed() < deadline, "{name}: dropping took {:?}", start.elapsed());
        // How long the work takes was measured with what a call takes besides, which is most of it on a fast GPU.
        let is_done = when_done.try_recv() == Err(mpsc::TryRecvError::Disconnected);
        assert!(!(is_cpu && is_done), "{name}: nothing was under way when the device was dropped");
        outlive(&when_done, &name);
    }
}
