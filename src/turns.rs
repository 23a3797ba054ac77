//! Taking turns at the one context that a GL device has.
//!
//! wgpu waits for it, six seconds, and panics then: a kernel that takes longer to compile, or work that a software driver does inside
//! of a submission, would end the calls of other threads. Ours wait here instead, the first to come first, as long as their deadlines allow.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{ThreadId, current};
use std::time::Instant;

/// Whose turn it is, where there is one context.
#[derive(Debug)]
pub(crate) struct Turns(Option<Line>);

/// The first has its turn, the others wait.
#[derive(Debug, Default)]
struct Line {
    threads: Mutex<VecDeque<ThreadId>>,
    moved: Condvar,
}

/// A turn, until it is dropped; of none where none are taken, or where it is part of another of the same thread.
#[derive(Debug)]
pub(crate) struct Turn<'a>(Option<&'a Line>);

impl Turns {
    pub(crate) fn of(backend: wgpu::Backend) -> Self {
        Self((backend == wgpu::Backend::Gl).then(Line::default))
    }

    /// Whether turns are taken at all.
    pub(crate) fn are_taken(&self) -> bool {
        self.0.is_some()
    }

    /// Waits for a turn, until then. Nothing may be awaited in it. A thread whose turn it is need not wait: callbacks run in submissions
    /// and polls, and may call us.
    pub(crate) fn begin(&self, end: Instant) -> Option<Turn<'_>> {
        let (Some(line), me) = (&self.0, current().id()) else { return Some(Turn(None)) };
        let mut threads = line.threads();
        if threads.front() == Some(&me) {
            return Some(Turn(None));
        }
        threads.push_back(me);
        while threads.front() != Some(&me) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                threads.retain(|thread| *thread != me);
                return None;
            }
            threads = line.moved.wait_timeout(threads, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Some(Turn(Some(line)))
    }
}

impl Line {
    fn threads(&self) -> MutexGuard<'_, VecDeque<ThreadId>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(line) = self.0 {
            line.threads().pop_front();
            line.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;
    use crate::{AdapterChoice, CrossEntropy, CrossEntropyBuffers, DeviceMatrix, DeviceVector, Error, Gpu, Logits, Targets};

    /// The first to come is the first to be served, one at a time; a thread that has its turn has it within, too.
    #[test]
    fn turns_are_taken_in_order() {
        let turns = &Turns::of(wgpu::Backend::Gl);
        let (sender, served) = channel();
        let (busy, later) = (&AtomicBool::new(false), Instant::now() + Duration::from_secs(60));
        std::thread::scope(|scope| {
            let first = turns.begin(later);
            let within = turns.begin(later);
            assert_eq!(turns.0.as_ref().unwrap().threads().len(), 1, "a turn within another is no other");
            let soon = Instant::now() + Duration::from_millis(50);
            assert!(scope.spawn(move || turns.begin(soon).is_none()).join().unwrap());
            for number in 0..4 {
                let sender = sender.clone();
                scope.spawn(move || {
                    let _turn = turns.begin(later).unwrap();
                    assert!(!busy.swap(true, Ordering::SeqCst), "two at once");
                    std::thread::sleep(Duration::from_millis(5));
                    sender.send(number).unwrap();
                    busy.store(false, Ordering::SeqCst);
                });
                while turns.0.as_ref().unwrap().threads().len() < number + 2 {
                    std::thread::yield_now();
                }
            }
            assert!(within.is_some());
            drop(within);
            assert_eq!(turns.0.as_ref().unwrap().threads().len(), 5, "what is within a turn does not end it");
            drop(first);
        });
        assert_eq!(served.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert!(!Turns::of(wgpu::Backend::Vulkan).are_taken());
    }

    /// What other threads do lives through eight seconds in which one thread has the context: calls, awaited ones, compiling, reading
    /// what was recorded while something else is yet to be submitted, and freeing memory. A deadline is kept all the same.
    #[test]
    fn nobody_panics_for_want_of_the_context() {
        let index = Gpu::adapters().into_iter().find(|a| a.info.backend == wgpu::Backend::Gl).expect("no GL adapter").index;
        let gpu = &Gpu::open(&AdapterChoice::Index(index)).unwrap();
        let softmax = |gpu: &Gpu, classes: usize| gpu.softmax(&Logits::new(&vec![0.0; classes], 1, classes).unwrap());
        let loss = || {
            let logits = Logits::new(&[0.0; 8], 4, 2).unwrap();
            gpu.cross_entropy(&logits, &Targets::new(&[0_i64, 1, 1, 0]), &CrossEntropy::new()).unwrap().loss.unwrap()
        };
        softmax(gpu, 8).unwrap();
        loss();
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        let [logits, targets] = [32, 16].map(|bytes| gpu.scratch("test", bytes, usage).unwrap());
        let buffers = CrossEntropyBuffers::new(DeviceMatrix::new::<f32>(&logits, 4, 2).unwrap(), DeviceVector::new(&targets));
        let record = || {
            let mut encoder = gpu.encoder().unwrap();
            let pending = gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new()).unwrap();
            (encoder, pending)
        };
        let (encoder, pending) = record();
        gpu.submit(encoder).unwrap();
        // Its parameters are waiting to be copied with the next submission, whoever makes it.
        let recorded = record();
        let start = Instant::now();
        std::thread::scope(|scope| {
            let (sender, held) = channel();
            scope.spawn(move || {
                gpu.scoped(0, || {
                    // SAFETY: the device is only looked at, for its context, which is given back as it was.
                    #[expect(unsafe_code, reason = "only so can the context be held without eight seconds of work")]
                    let device = unsafe { gpu.device().as_hal::<wgpu::hal::api::Gles>() }.unwrap();
                    let _context = device.context().lock();
                    sender.send(()).unwrap();
                    std::thread::sleep(Duration::from_secs(8));
                })
            });
            held.recv().unwrap();
            let plain = scope.spawn(|| softmax(gpu, 8).unwrap());
            let awaited = scope.spawn(|| pollster::block_on(gpu.softmax_async(&Logits::new(&[0.0; 4], 1, 4).unwrap())).unwrap());
            let compiled = scope.spawn(|| softmax(gpu, 5000).unwrap());
            let (read, freed, lost) = (scope.spawn(|| pending.read(gpu)), scope.spawn(|| gpu.trim()), scope.spawn(|| gpu.lost().is_none()));
            let reduced = scope.spawn(loss);
            let deadline = Duration::from_secs(1);
            let late = scope.spawn(move || pollster::block_on(gpu.with_deadline(deadline).settled()));
            assert!(matches!(late.join().unwrap(), Err(Error::Timeout { .. })) && start.elapsed() < Duration::from_secs(4));
            assert_eq!(plain.join().unwrap(), [0.125; 8]);
            assert_eq!(awaited.join().unwrap(), [0.25; 4]);
            assert_eq!(compiled.join().unwrap(), [1.0 / 5000.0; 5000]);
            assert!((read.join().unwrap().unwrap().loss.unwrap() - std::f32::consts::LN_2).abs() < 1e-6);
            assert!((reduced.join().unwrap() - std::f32::consts::LN_2).abs() < 1e-6);
            freed.join().unwrap();
            assert!(lost.join().unwrap());
        });
        assert!(start.elapsed() >= Duration::from_secs(8));
        drop(recorded);
    }

    /// A callback of the caller runs in the submission or poll of any call, and may call again.
    #[test]
    fn callbacks_may_call() {
        let index = Gpu::adapters().into_iter().find(|a| a.info.backend == wgpu::Backend::Gl).expect("no GL adapter").index;
        let gpu = Gpu::open(&AdapterChoice::Index(index)).unwrap();
        let softmax = |gpu: &Gpu| gpu.softmax(&Logits::new(&[0.0; 4], 1, 4).unwrap()).unwrap();
        softmax(&gpu);
        let (sender, called) = channel();
        let clone = gpu.clone();
        gpu.queue().on_submitted_work_done(move || {
            clone.trim();
            sender.send(clone.call_memory()).unwrap();
        });
        for _ in 0..3 {
            softmax(&gpu);
        }
        assert_eq!(called.try_recv().unwrap().kept, 0);
    }
}
