//! Callers who change their mind: calls stop between windows, and the rest of the rows is not worked on.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use crate::host_path::{Case, same};
use wgpu_xent::{AdapterChoice, Cancel, Error, Gpu, LogitTransform, Storage, wgpu};

/// Twelve windows.
const SHAPE: (usize, usize) = (48_000, 1000);
const WINDOW: usize = SHAPE.0 * SHAPE.1 / 12;

/// What a result holds where nothing was written.
const NOTHING: f32 = 9.0;

/// The windows whose results have come back.
fn windows_done(result: &[f32]) -> usize {
    result.chunks(WINDOW).take_while(|window| window[window.len() - 1] != NOTHING).count()
}

/// A future that is dropped after a few of twelve windows leaves two more under way at most.
#[test]
fn a_future_that_is_dropped() {
    let gpu = &Gpu::open(&AdapterChoice::Index(0)).unwrap();
    let (case, none) = (Case::new(SHAPE, 1), LogitTransform::new());
    let (logits, idle) = (case.logits(), || gpu.device().poll(wgpu::PollType::wait_indefinitely()).unwrap());
    let mut result = vec![NOTHING; case.values.len()];
    gpu.softmax_into(&logits, &none, &mut result).unwrap();
    let start = Instant::now();
    gpu.softmax_into(&logits, &none, &mut result).unwrap();
    let (all, expected) = (start.elapsed(), result.clone());
    // On a busy machine one poll may find several windows done, or all of them.
    let stopped = (0..5).any(|_| {
        result.fill(NOTHING);
        let mut is_pending = true;
        {
            let mut future = pin!(gpu.softmax_into_async(&logits, &none, &mut result));
            let mut context = Context::from_waker(Waker::noop());
            // It waits for the first window, then for the second, ..
            for _ in 0..3 {
                is_pending = is_pending && future.as_mut().poll(&mut context).is_pending();
                idle();
                // The poller tells what it has seen a little later.
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let start = Instant::now();
        idle();
        let rest = start.elapsed();
        let done = windows_done(&result);
        assert!(result[done * WINDOW..].iter().all(|&value| value == NOTHING), "windows are done in order");
        is_pending && (1..=4).contains(&done) && rest < all / 3
    });
    assert!(stopped, "no call of five stopped where it was dropped; all windows take {all:?}");
    assert_eq!(gpu.call_memory().in_use, 0);
    gpu.softmax_into(&logits, &none, &mut result).unwrap();
    assert!(same(&result, &expected));
}

/// A blocking call that another thread cancels ends early; handles without that word go on.
#[test]
fn a_call_that_is_cancelled() {
    let gpu = &Gpu::open(&AdapterChoice::Index(0)).unwrap();
    let (case, none) = (Case::new(SHAPE, 1), LogitTransform::new());
    let mut result = vec![NOTHING; case.values.len()];
    let start = Instant::now();
    gpu.softmax_into(&case.logits(), &none, &mut result).unwrap();
    let all = start.elapsed();
    // The thread that cancels may be late.
    let stopped = (0..5).find_map(|_| {
        result.fill(NOTHING);
        let cancel = Cancel::new();
        let mindful = gpu.with_cancel(&cancel);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(all / 4);
                cancel.cancel();
            });
            mindful.softmax_into(&case.logits(), &none, &mut result).err()
        })
        .map(|error| (error, cancel))
    });
    let (error, cancel) = stopped.expect("a call of twelve windows is cancelled after a quarter of its time");
    assert!(matches!(error, Error::Cancelled), "{error:?}");
    assert!(windows_done(&result) < 12 && result[11 * WINDOW..].iter().all(|&value| value == NOTHING));
    assert_eq!(gpu.call_memory().in_use, 0);
    let mindful = gpu.with_cancel(&cancel);
    let small = Case::new((64, 10), 1);
    assert!(matches!(small.loss(&mindful), Err(Error::Cancelled)));
    assert!(matches!(pollster::block_on(mindful.logsumexp_async(&small.logits())), Err(Error::Cancelled)));
    assert!(matches!(mindful.tune(&[(8, 8)], Storage::F32), Err(Error::Cancelled)));
    assert!(small.loss(gpu).is_ok());
}
