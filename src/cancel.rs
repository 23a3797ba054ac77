//! Stopping a call from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::gpu::Gpu;
use crate::{Error, Result};

/// Stops the calls of the handles that know it ([`Gpu::with_cancel`]), also blocking ones, from another thread or a signal handler.
/// Clones are the same. Awaited calls need none: dropping the future stops them at the same places.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// One that has not happened.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls end with [`Error::Cancelled`] before their next window, and calls after this one at once. For good.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it has happened.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Gpu {
    /// The same GPU, with handles whose host-level calls and [`tune`](Self::tune) can be stopped: between windows of at most 16 MiB of a
    /// matrix, of which two may be under way. What a call had taken is freed, what was written to memory of the caller stays.
    ///
    /// ```no_run
    /// # use wgpu_xent::{Cancel, Error, Gpu, Logits};
    /// # let data = [0.0_f32, 0.0];
    /// let stop = Cancel::new();
    /// let gpu = Gpu::new()?.with_cancel(&stop);
    /// stop.cancel(); // usually from another thread
    /// assert!(matches!(gpu.softmax(&Logits::new(&data, 1, 2)?), Err(Error::Cancelled)));
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn with_cancel(&self, cancel: &Cancel) -> Self {
        let mut gpu = self.clone();
        gpu.waits.cancel = Some(cancel.clone());
        gpu
    }

    /// An error if the call is to stop here.
    pub(crate) fn go_on(&self) -> Result<()> {
        let stops = self.waits.cancel.as_ref().is_some_and(Cancel::is_cancelled);
        if stops { Err(Error::Cancelled) } else { Ok(()) }
    }
}
