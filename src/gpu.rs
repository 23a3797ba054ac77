//! The handle: a device with its queue, the facts to plan with, and the compiled pipelines.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::caps::{AdapterDescription, Caps, describe};
use crate::pipeline::Cache;
use crate::plan::{Plan, Strategy, Work};
use crate::pool::Pool;
use crate::quirks::Avoid;
use crate::shader::{Access, Slot};
use crate::texels::Kept;
use crate::tune::Tuning;
use crate::turns::Turns;
use crate::wait::{Waits, outlive};
use crate::{Error, Result};

/// Which adapter to open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdapterChoice {
    /// The best one: discrete before integrated (with `WGPU_POWER_PREF=low` the other way round) before virtual before software,
    /// or the first whose name contains `WGPU_ADAPTER_NAME`. `WGPU_BACKEND` restricts the backends.
    #[default]
    Best,
    /// The one at this place in [`Gpu::adapters`].
    Index(usize),
    /// The first whose name contains this text, in any case.
    Name(String),
}

/// A GPU that computes. Cheap to clone: clones share the device and its compiled pipelines, of which 512 are kept: a program that goes
/// through more compiles again. `Send` and `Sync`.
#[derive(Clone, Debug)]
pub struct Gpu {
    shared: Arc<Shared>,
    forced: Option<Strategy>,
    caps: Caps,
    tuning: Option<Arc<Tuning>>,
    pub(crate) waits: Waits,
}

#[derive(Debug)]
struct Shared {
    device: wgpu::Device,
    queue: wgpu::Queue,
    turns: Arc<Turns>,
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
        if *self.timed_out.get_mut() {
            outlive(self.device.clone(), self.queue.clone());
        }
    }
}

/// Bytes between the places that stand in for unused write bindings, so that no two of them overlap.
const NOTHING_STEP: u64 = 256;

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
        let mut features = adapter.features() & wgpu::Features::SUBGROUP;
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
    /// limits it was opened with; `SUBGROUP` is worth asking for, and so is `MAPPABLE_PRIMARY_BUFFERS` where host and device share
    /// their memory. The caller keeps its device-lost callback, which alone is told why a device was lost; calls give
    /// [`Error::DeviceLost`] here too.
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
            info,
            pipelines: Cache::default(),
            texels: Kept::default(),
            pool: Pool::default(),
            nothing: OnceLock::new(),
            lost,
            timed_out: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared), forced: None, caps, tuning: None, waits: Waits::default() }
    }

    /// The same GPU, with every plan forced to a strategy. For tests and benchmarks: calls fail with [`Error::Strategy`]
    /// where it cannot serve the shape.
    #[must_use]
    pub fn with_strategy(&self, strategy: impl Into<Option<Strategy>>) -> Self {
        Self { forced: strategy.into(), ..self.clone() }
    }

    /// The same GPU, whose plans do without some things, besides what the [quirks](crate::QUIRKS) of the adapter say: where a driver
    /// breaks a kernel.
    #[must_use]
    pub fn avoiding(&self, avoid: &[Avoid]) -> Self {
        Self { caps: self.caps.avoiding(avoid), ..self.clone() }
    }

    /// The same GPU, with logits read through a texture or not, whatever is thought faster ([`Caps::texture_classes`]).
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
        Self { caps: Caps { texture_classes: self.caps.texture_classes, ..caps }, ..self.clone() }
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

    pub(crate) fn forced(&self) -> Option<Strategy> {
        self.forced
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

    /// The error that a lost device gives, if it is lost.
    pub(crate) fn lost(&self) -> Option<Error> {
        // Who cannot be asked in time is not known to be lost.
        let _turn = self.turn().ok()?;
        if !self.is_gone() {
            return None;
        }
        // The callback that tells why runs in a poll, if it is ours and the work under way is done.
        self.poll_once();
        let told = self.shared.lost.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let message = told.unwrap_or_else(|| "it takes no commands any more".into());
        Some(Error::DeviceLost { message })
    }

    /// Whether the device makes nothing any more: wgpu says so at once, and in no other way but to the one who has set the device's
    /// only callback. It raises no error of a buffer that a lost device cannot make, but that cannot be mapped.
    fn is_gone(&self) -> bool {
        let made = self.raised(|| {
            let usage = wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::COPY_SRC;
            let descriptor = wgpu::BufferDescriptor { label: Some("probe"), size: 4, usage, mapped_at_creation: true };
            self.device().create_buffer(&descriptor).get_mapped_range_mut(..).is_ok()
        });
        matches!(made, (false, None))
    }

    /// Lets callbacks run whose time has come.
    pub(crate) fn poll_once(&self) {
        let Ok(_turn) = self.turn() else { return };
        // A poll that fails, or panics as wgpu's does on a lost device, says nothing that the callbacks do not.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.device().poll(wgpu::PollType::Poll)));
    }

    /// Runs wgpu calls, and the first error that they raise.
    ///
    /// Scopes belong to a thread, so nothing may be awaited inside; natively their futures are ready at once.
    fn raised<T>(&self, run: impl FnOnce() -> T) -> (T, Option<wgpu::Error>) {
        let device = self.device();
        let scopes = [wgpu::ErrorFilter::Internal, wgpu::ErrorFilter::Validation, wgpu::ErrorFilter::OutOfMemory]
            .map(|filter| device.push_error_scope(filter));
        let value = run();
        let mut first = None;
        for scope in scopes.into_iter().rev() {
            first = first.or(pollster::block_on(scope.pop()));
        }
        (value, first)
    }

    /// Runs wgpu calls and turns the errors that they raise into one of ours. `bytes` is told if memory runs out.
    pub(crate) fn scoped<T>(&self, bytes: u64, run: impl FnOnce() -> T) -> Result<T> {
        #[cfg(test)]
        crate::strike::strike(bytes)?;
        let (value, error) = {
            let _turn = self.turn()?;
            self.raised(run)
        };
        let Some(error) = error else { return Ok(value) };
        Err(self.lost().unwrap_or_else(|| match error {
            wgpu::Error::OutOfMemory { source } => Error::OutOfMemory { bytes, message: source.to_string() },
            other => Error::Gpu { message: other.to_string() },
        }))
    }

    /// Drops what may be the last of something that the device must free.
    pub(crate) fn let_go<T>(&self, last: T) {
        let _turn = self.turn();
        drop(last);
    }

    /// A buffer of at least four bytes.
    pub(crate) fn scratch(&self, label: &str, bytes: u64, usage: wgpu::BufferUsages) -> Result<wgpu::Buffer> {
        let limit = self.caps().max_buffer;
        if bytes > limit {
            return Err(Error::TooLarge { what: "a buffer", needed: bytes, unit: "bytes", limit, limit_name: "max_buffer_size" });
        }
        let size = bytes.next_multiple_of(4).max(4);
        self.scoped(size, || {
            self.device().create_buffer(&wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false })
        })
    }

    /// A buffer that holds some bytes, a multiple of four, from the start: for small things, written without the queue.
    pub(crate) fn filled(&self, label: &str, bytes: &[u8], usage: wgpu::BufferUsages) -> Result<wgpu::Buffer> {
        self.scoped(bytes.len() as u64, || {
            let size = bytes.len() as u64;
            let buffer = self.device().create_buffer(&wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: true });
            let mapped = buffer.get_mapped_range_mut(..);
            mapped.map(|mut mapped| mapped.copy_from_slice(bytes)).map_err(|error| error.to_string())?;
            buffer.unmap();
            Ok(buffer)
        })?
        // Without an error raised, as of a buffer that a lost device cannot make.
        .map_err(|message| self.lost().unwrap_or(Error::Gpu { message }))
    }

    /// An encoder of our own.
    pub(crate) fn encoder(&self) -> Result<wgpu::CommandEncoder> {
        self.scoped(0, || self.device().create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("xent") }))
    }

    /// What is bound where a kernel declares a binding that the call does not use.
    pub(crate) fn nothing(&self, slot: &Slot) -> Result<wgpu::BufferBinding<'_>> {
        let [read, written] = match self.shared.nothing.get() {
            Some(buffers) => buffers,
            None => {
                let buffer = |size| self.scratch("nothing", size, wgpu::BufferUsages::STORAGE);
                let made = [buffer(NOTHING_STEP)?, buffer(16 * NOTHING_STEP)?];
                self.shared.nothing.get_or_init(|| made)
            }
        };
        let (buffer, place) = match slot.access {
            Access::Write => (written, u64::from(slot.index)),
            _ => (read, 0),
        };
        Ok(wgpu::BufferBinding { buffer, offset: place * NOTHING_STEP, size: wgpu::BufferSize::new(NOTHING_STEP) })
    }
}

/// Whether host and device have the same memory.
fn has_one_memory(info: &wgpu::AdapterInfo) -> bool {
    matches!(info.device_type, wgpu::DeviceType::Cpu | wgpu::DeviceType::IntegratedGpu)
}

async fn enumerate() -> Vec<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    // Its error scopes would be the caller's noise: validation layers are for developing wgpu itself.
    descriptor.flags = wgpu::InstanceFlags::from_build_config().with_env() - wgpu::InstanceFlags::VALIDATION;
    let instance = wgpu::Instance::new(descriptor);
    let backends = wgpu::Backends::from_env().unwrap_or(wgpu::Backends::all());
    let mut adapters = instance.enumerate_adapters(backends).await;
    adapters.retain(|a| a.get_downlevel_capabilities().flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS));
    let saves_power = wgpu::PowerPreference::from_env() == Some(wgpu::PowerPreference::LowPower);
    adapters.sort_by_key(|a| {
        let info = a.get_info();
        (rank(&info, saves_power), info.backend == wgpu::Backend::Gl)
    });
    adapters
}

/// Best first. llvmpipe before other software: it is the faster one.
fn rank(info: &wgpu::AdapterInfo, saves_power: bool) -> (u8, bool) {
    let kind = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => u8::from(saves_power),
        wgpu::DeviceType::IntegratedGpu => u8::from(!saves_power),
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    };
    (kind, info.name.contains("SwiftShader"))
}

fn select(mut adapters: Vec<wgpu::Adapter>, choice: &AdapterChoice) -> Result<wgpu::Adapter> {
    if adapters.is_empty() {
        return Err(Error::NoAdapter);
    }
    let names: Vec<String> = adapters.iter().map(|a| a.get_info().name).collect();
    let by_name = |text: &str| names.iter().position(|name| name.to_lowercase().contains(&text.to_lowercase()));
    let environment = std::env::var("WGPU_ADAPTER_NAME").ok();
    let (index, asked) = match (choice, environment) {
        (AdapterChoice::Best, None) => (Some(0), String::new()),
        (AdapterChoice::Best, Some(name)) => (by_name(&name), format!("whose name contains WGPU_ADAPTER_NAME \"{name}\"")),
        (AdapterChoice::Name(name), _) => (by_name(name), format!("whose name contains \"{name}\"")),
        (AdapterChoice::Index(i), _) => ((*i < names.len()).then_some(*i), format!("with index {i}")),
    };
    match index {
        Some(index) => Ok(adapters.swap_remove(index)),
        None => Err(Error::AdapterNotFound { asked, found: names }),
    }
}
