//! Taking turns at the one context that a GL device has.
//!
//! wgpu waits for it, six seconds, and panics then: a kernel that takes longer to compile, or work that a software driver does inside
//! of a submission, would end the calls of other threads. Ours wait here instead, as long as it takes.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// Whose turn it is, where there is one context.
#[derive(Debug)]
pub(crate) struct Turns(Option<Mutex<()>>);

impl Turns {
    pub(crate) fn of(backend: wgpu::Backend) -> Self {
        Self((backend == wgpu::Backend::Gl).then(Mutex::default))
    }

    /// Whether turns are taken at all.
    pub(crate) fn are_taken(&self) -> bool {
        self.0.is_some()
    }

    /// Waits for a turn, which lasts as long as what is returned. Nothing may be awaited in it, and no second one begun.
    pub(crate) fn begin(&self) -> Option<MutexGuard<'_, ()>> {
        self.0.as_ref().map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a turn could begin now. A poll asks before, and does not hold it: callbacks run in polls, the caller's too, and may call
    /// us.
    pub(crate) fn is_free(&self) -> bool {
        self.0.as_ref().is_none_or(|turn| !matches!(turn.try_lock(), Err(TryLockError::WouldBlock)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use crate::{AdapterChoice, Gpu, Logits};

    /// Calls of another thread, in any state, live through eight seconds in which one thread has the context.
    #[test]
    fn nobody_panics_for_want_of_the_context() {
        let index = Gpu::adapters().into_iter().find(|a| a.info.backend == wgpu::Backend::Gl).expect("no GL adapter").index;
        let gpu = Gpu::open(&AdapterChoice::Index(index)).unwrap();
        let softmax = |classes: usize| gpu.softmax(&Logits::new(&vec![0.0; classes], 1, classes).unwrap());
        softmax(8).unwrap();
        let start = Instant::now();
        std::thread::scope(|scope| {
            let (sender, held) = std::sync::mpsc::channel();
            scope.spawn({
                let gpu = gpu.clone();
                move || {
                    gpu.scoped(0, || {
                        // SAFETY: the device is only looked at, for its context, which is given back as it was.
                        #[expect(unsafe_code, reason = "only so can the context be held without eight seconds of work")]
                        let device = unsafe { gpu.device().as_hal::<wgpu::hal::api::Gles>() }.unwrap();
                        let _context = device.context().lock();
                        sender.send(()).unwrap();
                        std::thread::sleep(Duration::from_secs(8));
                    })
                }
            });
            held.recv().unwrap();
            let (plain, awaited) =
                (scope.spawn(|| softmax(8)), scope.spawn(|| pollster::block_on(gpu.softmax_async(&Logits::new(&[0.0; 4], 1, 4)?))));
            let compiled = scope.spawn(|| softmax(5000));
            assert_eq!(plain.join().unwrap().unwrap(), [0.125; 8]);
            assert_eq!(awaited.join().unwrap().unwrap(), [0.25; 4]);
            assert_eq!(compiled.join().unwrap().unwrap(), [1.0 / 5000.0; 5000]);
        });
        assert!(start.elapsed() >= Duration::from_secs(8));
    }
}
