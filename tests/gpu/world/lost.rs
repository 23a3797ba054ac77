//! A device that goes away under those who use it.

use std::thread::{scope, sleep};
use std::time::Duration;

use super::wrapped;
use crate::device::{buffer, encoder};
use crate::host_path::{Case, same};
use wgpu_xent::wgpu;
use wgpu_xent::{AdapterChoice, CrossEntropy, CrossEntropyBuffers, DeviceMatrix, DeviceVector, Error, Gpu, Output, Targets};

fn is_lost<T: std::fmt::Debug>(end: &Result<T, Error>) -> bool {
    matches!(end, Err(Error::DeviceLost { message }) if !message.is_empty())
}

/// The device-level loss of a case, waited for. What the test's own commands raise on a device that is gone is its own affair.
fn recorded(gpu: &Gpu, case: &Case, awaited: bool) -> Result<(), Error> {
    let scope = gpu.device().push_error_scope(wgpu::ErrorFilter::Validation);
    let end = record_and_read(gpu, case, awaited);
    pollster::block_on(scope.pop());
    end
}

fn record_and_read(gpu: &Gpu, case: &Case, awaited: bool) -> Result<(), Error> {
    let values: Vec<u32> = case.values.iter().map(|value| value.to_bits()).collect();
    let (logits, targets) = (buffer(gpu, &values), buffer(gpu, &case.indices));
    let matrix = DeviceMatrix::new::<f32>(&logits, case.rows, case.classes)?;
    let buffers = CrossEntropyBuffers { gradient: Some(Output::InPlace), ..CrossEntropyBuffers::new(matrix, DeviceVector::new(&targets)) };
    let mut encoder = encoder(gpu);
    let pending = gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new())?;
    gpu.queue().submit([encoder.finish()]);
    if awaited {
        pollster::block_on(pending.read_async(gpu))?
    } else {
        pending.read(gpu)?
    };
    Ok(())
}

/// Every call that there is, on a device that is gone.
pub(super) fn all_later_calls(gpu: &Gpu, case: &Case) {
    let (logits, targets) = (case.logits(), Targets::new(&case.indices));
    let ends = [
        gpu.softmax(&logits).map(drop),
        pollster::block_on(gpu.softmax_async(&logits)).map(drop),
        gpu.cross_entropy(&logits, &targets, &CrossEntropy::new().gradient(true)).map(drop),
        gpu.tune(&[(8, 8)], wgpu_xent::Storage::F32).map(drop),
        // One that no pipeline was compiled for yet.
        gpu.sigmoid(&logits).map(drop),
    ];
    assert!(ends.iter().all(is_lost), "{ends:?}");
    gpu.trim();
    assert_eq!((gpu.call_memory().in_use, gpu.call_memory().kept), (0, 0));
}

/// Threads in the middle of blocking, awaited and device-level calls are all told, on a device that is ours and on one that is not; no
/// call after that hangs or says anything else, and the adapter can be opened again.
#[test]
fn in_mid_flight() {
    let case = Case::new((20_000, 1000), 3);
    let expected = {
        let gpu = Gpu::open(&AdapterChoice::Index(0)).unwrap();
        case.loss(&gpu).unwrap()
    };
    for (gpu, is_ours) in [(Gpu::open(&AdapterChoice::Index(0)).unwrap(), true), (wrapped(), false)] {
        scope(|scope| {
            let calls: Vec<_> = (0..4)
                .map(|kind| {
                    let (gpu, case) = (gpu.clone(), &case);
                    scope.spawn(move || {
                        let logits = case.logits();
                        let call = || match kind {
                            0 => gpu.softmax(&logits).map(drop),
                            1 => pollster::block_on(gpu.softmax_async(&logits)).map(drop),
                            // A summary cannot be read if the device is gone between the recording and the submission.
                            _ => recorded(&gpu, case, kind == 3),
                        };
                        (0..10_000).map(|_| call()).find(Result::is_err)
                    })
                })
                .collect();
            sleep(Duration::from_millis(700));
            gpu.device().destroy();
            for (kind, call) in calls.into_iter().enumerate() {
                let end = call.join().unwrap().expect("ten thousand calls take longer than this test");
                assert!(is_lost(&end), "{kind}, {is_ours}: {end:?}");
            }
        });
        all_later_calls(&gpu, &Case::new((8, 9), 1));
        let late = recorded(&gpu, &Case::new((8, 9), 1), false);
        assert!(is_lost(&late), "{late:?}");
    }
    let got = case.loss(&Gpu::open(&AdapterChoice::Index(0)).unwrap()).unwrap();
    assert!(got.0 == expected.0 && same(&got.1, &expected.1));
}
