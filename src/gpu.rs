//! The handle: a device with its queue, the facts to plan with, and the compiled pipelines.

mod adapters;
mod scoped;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

pub use self::adapters::AdapterChoice;
use self::adapters::{enumerate, has_one_memory, select};
use crate::caps::{AdapterDescription, Caps, describe, wide_words};
use crate::pipeline::Cache;
use crate::plan::{Plan, Strategy, Work};
use crate::pool::Pool;
use crate::quirks::Avoid;
use crate::texels::Kept;
use crate::tune::Tuning;
use crate::turns::Turns;
use crate::wait::{Pollers, Waits, outlive};
use crate::{Error, Result};

/// A GPU that computes. Cheap to clone: clones share the device and its compiled pipelines, of which 512 are kept: a program that goes
/// through more compiles again. `Send` and `Sync`.
///
/// Calls at host level copy long matrices with up to four threads, the caller's among them, fewer where the machine has fewer cores.
///
/// Dropping the last clone waits for what is under way, as dropped futures leave it, ten seconds at most for the threads that poll for
/// awaited calls; not if a call has timed out.
#[derive(Clone, Debug)]
pub struct Gpu {
    /// Dropped first: when nothing is shared any more, all pollers are about to end.
    pub(crate) waits: Waits,
    shared: Arc<Shared>,
    forced: Option<Strategy>,
    forced_vectors: Option<Strategy>,
    caps: Caps,
    tuning: Option<Arc<Tuning>>,
}

#[derive(Debug)]
struct Shared {
    device: wgpu::Device,
    queue: wgpu::Queue,
    turns: Arc<Turns>,
    pollers: Pollers,
    info: wgpu::AdapterInfo,
    pipelines: Cache,
    texels: Kept,
    pool: Pool,
    nothing: OnceLock<[wgpu::Buffer; 2]>,
    /// What the device said when it was lost, if it is ours to hear.
    lost: Arc<Mutex<Option<String>>>,
    /// Whether a wait has timed out.
    timed_out: AtomicBool,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if *self.timed_out.get_mut() || !self.pollers.end() {
            outlive(self.device.clone(), self.queue.clone());
        }
    }
}

impl Gpu {
    /// All adapters, in a stable order: by type, best first, then as the drivers list them.
    ///
    /// `WGPU_BACKEND` restricts the backends.
    pub async fn adapters_async() -> Vec<AdapterDescription> {
        enumerate()
            .await
            .into_iter()
            .enumerate()
            .map(|(index, a)| AdapterDescription { index, info: a.get_info(), features: a.features(), limits: a.limits() })
            .collect()
    }

    /// [`adapters_async`](Self::adapters_async), blocking.
    #[must_use]
    pub fn adapters() -> Vec<AdapterDescription> {
        pollster::block_on(Self::adapters_async())
    }

    /// Opens the best adapter.
    ///
    /// # Errors
    /// [`Error::NoAdapter`], [`Error::AdapterNotFound`] or [`Error::Device`].
    pub fn new() -> Result<Self> {
        Self::open(&AdapterChoice::Best)
    }

    /// Opens an adapter, blocking.
    ///
    /// # Errors
    /// [`Error::NoAdapter`], [`Error::AdapterNotFound`] or [`Error::Device`].
    pub fn open(choice: &AdapterChoice) -> Result<Self> {
        pollster::block_on(Self::open_async(choice))
    }

    /// Opens an adapter with all its limits and those of its features that kernels use. A software adapter is logged as a warning.
    ///
    /// # Errors
    /// [`Error::NoAdapter`], [`Error::AdapterNotFound`] or [`Error::Device`].
    pub async fn open_async(choice: &AdapterChoice) -> Result<Self> {
        let adapters = enumerate().await;
        let adapter = select(adapters, choice)?;
        let info = adapter.get_info();
        let mut features = adapter.features() & (wgpu::Features::SUBGROUP | wide_words(&info));
        if has_one_memory(&info) {
            features |= adapter.features() & wgpu::Features::MAPPABLE_PRIMARY_BUFFERS;
        }
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("wgpu-xent"),
            required_features: features,
            required_limits: adapter.limits(),
            ..Default::default()
        };
        let (device, queue) =
            adapter.request_device(&descriptor).await.map_err(|e| Error::Device { adapter: info.name.clone(), message: e.to_string() })?;
        let lost = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&lost);
        device.set_device_lost_callback(move |reason, message| {
            // Dropping a device is no loss to anyone.
            let text = if message.is_empty() { format!("{reason:?}") } else { message };
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        });
        let gpu = Self::with(device, queue, info, lost);
        if gpu.is_software() {
            log::warn!("{} is a software adapter: it runs on the CPU", gpu.describe());
        } else {
            log::info!("opened {}", gpu.describe());
        }
        Ok(gpu)
    }

    /// Wraps a device of the caller, whose buffers can then be used at the device level. Kernels use what features and
    /// limits it was opened with; `SUBGROUP` is worth asking for, on lavapipe `SHADER_INT64`, and where host and device share their memory
    /// `MAPPABLE_PRIMARY_BUFFERS`. The last clone waits as that of any other [`Gpu`]. The caller keeps its device-lost callback, which
    /// alone is told why a device was lost; calls give [`Error::DeviceLost`] here too.
    #[must_use]
    pub fn from_device(device: wgpu::Device, queue: wgpu::Queue) -> Self {
        let info = device.adapter_info();
        Self::with(device, queue, info, Arc::default())
    }

    fn with(device: wgpu::Device, queue: wgpu::Queue, info: wgpu::AdapterInfo, lost: Arc<Mutex<Option<String>>>) -> Self {
        let caps = Caps::of(&info, device.features(), &device.limits());
        let shared = Shared {
            device,
            queue,
            turns: Arc::new(Turns::of(info.backend)),
            pollers: Pollers::default(),
            info,
            pipelines: Cache::default(),
            texels: Kept::default(),
            pool: Pool::default(),
            nothing: OnceLock::new(),
            lost,
            timed_out: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared), forced: None, forced_vectors: None, caps, tuning: None, waits: Waits::default() }
    }

    /// The same GPU, with the rows of every call served by a strategy. For tests and benchmarks: calls fail with
    /// [`Error::Strategy`] where it cannot serve the shape. Not the vectors of all rows: [`with_vector_strategy`](Self::with_vector_strategy).
    #[must_use]
    pub fn with_strategy(&self, strategy: impl Into<Option<Strategy>>) -> Self {
        Self { forced: strategy.into(), ..self.clone() }
    }

    /// The same GPU, with a strategy for the kernels that go through the vector of all targets, and that of all losses. For tests:
    /// where it cannot serve a vector, or has no variant of these kernels, another one does.
    #[must_use]
    pub fn with_vector_strategy(&self, strategy: impl Into<Option<Strategy>>) -> Self {
        Self { forced_vectors: strategy.into(), ..self.clone() }
    }

    /// The same GPU, whose plans do without some things, besides what the [quirks](crate::QUIRKS) of the adapter say: where a driver
    /// breaks a kernel.
    #[must_use]
    pub fn avoiding(&self, avoid: &[Avoid]) -> Self {
        Self { caps: self.caps.avoiding(avoid), ..self.clone() }
    }

    /// The same GPU, with logits read through a texture or not, whatever is thought faster ([`Caps::texture_reads`]).
    /// For tests and benchmarks. Buffers without the usage `COPY_SRC` are always read in place.
    #[must_use]
    pub fn with_texture_reads(&self, texture_reads: bool) -> Self {
        Self { caps: self.caps.with_texture_reads(texture_reads), ..self.clone() }
    }

    /// The same GPU, whose rows are batch-invariant, or not: the bits of a row's results do not depend on how many rows come with it,
    /// where it stands among them, the windows that they are worked through in, or the level of the call. Nor on what a
    /// [`Tuning`] measured, which is not used. Off unless asked for.
    ///
    /// Rows are then not split over the adapter when they are few: a call of a few long rows takes longer, one of many rows does not.
    /// What is made of all rows together stays theirs: a loss that is reduced, and the denominator of a mean, which a gradient is
    /// divided by. With [`Reduction::Sum`](crate::Reduction::Sum), or a [`Denominator`](crate::Denominator) that is given, gradients
    /// of rows are their own. See `docs/decisions/0013-determinism.md`.
    #[must_use]
    pub fn with_batch_invariance(&self, batch_invariance: bool) -> Self {
        let plain = Caps::of(&self.shared.info, self.device().features(), &self.device().limits()).avoiding(&self.caps.avoided);
        let caps = if batch_invariance { plain.with_batch_invariance() } else { plain };
        Self { caps: Caps { texture_reads: self.caps.texture_reads, ..caps }, ..self.clone() }
    }

    pub(crate) fn tuned(&self, tuning: Option<Tuning>) -> Self {
        Self { tuning: tuning.map(Arc::new), ..self.clone() }
    }

    /// How some work is run: as forced, as tuned, or as the tables say.
    ///
    /// # Errors
    /// Those of [`Plan::new`].
    pub fn plan(&self, work: &Work) -> Result<Plan> {
        let may_tune = self.forced.is_none() && !self.caps.batch_invariant;
        let tuned = self.tuning.as_ref().filter(|_| may_tune).and_then(|tuning| tuning.choice(work));
        if let Some((strategy, texture_reads)) = tuned {
            let caps = self.caps.with_texture_reads(texture_reads);
            // Another operation of this shape may need more than the one that was measured.
            if let Ok(plan) = Plan::new(work, &caps, Some(strategy)) {
                return Ok(plan);
            }
        }
        Plan::new(work, &self.caps, self.forced)
    }

    pub(crate) fn vector_strategy(&self) -> Option<Strategy> {
        self.forced_vectors
    }

    /// The handle that blocking calls work with.
    pub(crate) fn blocking(&self) -> Self {
        let mut gpu = self.clone();
        gpu.waits.inline = true;
        gpu
    }

    /// The wgpu device.
    #[must_use]
    pub fn device(&self) -> &wgpu::Device {
        &self.shared.device
    }

    /// The wgpu queue.
    #[must_use]
    pub fn queue(&self) -> &wgpu::Queue {
        &self.shared.queue
    }

    /// Name, driver, backend and type of the adapter.
    #[must_use]
    pub fn info(&self) -> &wgpu::AdapterInfo {
        &self.shared.info
    }

    /// The numbers that plans are chosen from.
    #[must_use]
    pub fn caps(&self) -> &Caps {
        &self.caps
    }

    /// Whether it runs on the CPU.
    #[must_use]
    pub fn is_software(&self) -> bool {
        self.caps.cpu
    }

    /// One line: name, backend, type, driver.
    #[must_use]
    pub fn describe(&self) -> String {
        describe(&self.shared.info)
    }

    /// Who has GL's context.
    pub(crate) fn turns(&self) -> &Arc<Turns> {
        &self.shared.turns
    }

    pub(crate) fn pollers(&self) -> &Pollers {
        &self.shared.pollers
    }

    pub(crate) fn pipelines(&self) -> &Cache {
        &self.shared.pipelines
    }

    /// The texture that logits are copied to.
    pub(crate) fn kept_texels(&self) -> &Kept {
        &self.shared.texels
    }

    /// The buffers that host-level calls share.
    pub(crate) fn pool(&self) -> &Pool {
        &self.shared.pool
    }

    /// Whether the host can map the buffers that kernels use, and they are no slower for it.
    pub(crate) fn shares_memory(&self) -> bool {
        self.device().features().contains(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS) && has_one_memory(&self.shared.info)
    }

    /// That a wait has timed out: the device may be hung.
    pub(crate) fn remember_timeout(&self) {
        self.shared.timed_out.store(true, Ordering::Relaxed);
    }
}
