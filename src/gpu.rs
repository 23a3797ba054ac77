//! The handle: a device with its queue, the facts to plan with, and the compiled pipelines.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::caps::{AdapterDescription, Caps, describe};
use crate::pipeline::Cache;
use crate::plan::{Plan, Strategy, Work};
use crate::pool::Pool;
use crate::quirks::Avoid;
use crate::shader::{Access, Slot};
use crate::texels::Kept;
use crate::transfer::Poller;
use crate::tune::Tuning;
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

/// A GPU that computes. Cheap to clone: clones share the device and its compiled pipelines. `Send` and `Sync`.
#[derive(Clone, Debug)]
pub struct Gpu {
    shared: Arc<Shared>,
    forced: Option<Strategy>,
    caps: Caps,
    tuning: Option<Arc<Tuning>>,
    /// Whether waiting polls the device on the calling thread, which the blocking calls do.
    pub(crate) inline: bool,
}

#[derive(Debug)]
struct Shared {
    device: wgpu::Device,
    queue: wgpu::Queue,
    info: wgpu::AdapterInfo,
    pipelines: Cache,
    texels: Kept,
    pool: Arc<Pool>,
    nothing: [wgpu::Buffer; 2],
    lost: Arc<Mutex<Option<String>>>,
    poller: OnceLock<Poller>,
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
    /// their memory. The caller keeps its device-lost callback: here, the loss of
    /// the device shows as [`Error::Gpu`].
    #[must_use]
    pub fn from_device(device: wgpu::Device, queue: wgpu::Queue) -> Self {
        let info = device.adapter_info();
        Self::with(device, queue, info, Arc::default())
    }

    fn with(device: wgpu::Device, queue: wgpu::Queue, info: wgpu::AdapterInfo, lost: Arc<Mutex<Option<String>>>) -> Self {
        let caps = Caps::of(&info, device.features(), &device.limits());
        let buffer = |size| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("nothing"),
                size,
                usage: wgpu::BufferUsages::STORAGE,
                mapped_at_creation: false,
            })
        };
        let nothing = [buffer(NOTHING_STEP), buffer(16 * NOTHING_STEP)];
        let shared = Shared {
            device,
            queue,
            info,
            pipelines: Cache::default(),
            texels: Kept::default(),
            pool: Arc::default(),
            nothing,
            lost,
            poller: OnceLock::new(),
        };
        Self { shared: Arc::new(shared), forced: None, caps, tuning: None, inline: false }
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

    /// The same GPU, with logits read through a texture or not, whatever is thought faster ([`Caps::texture_reads`]).
    /// For tests and benchmarks. Buffers without the usage `COPY_SRC` are always read in place.
    #[must_use]
    pub fn with_texture_reads(&self, texture_reads: bool) -> Self {
        Self { caps: Caps { texture_reads, ..self.caps.clone() }, ..self.clone() }
    }

    pub(crate) fn tuned(&self, tuning: Option<Tuning>) -> Self {
        Self { tuning: tuning.map(Arc::new), ..self.clone() }
    }

    /// How some work is run: as forced, as tuned, or as the tables say.
    ///
    /// # Errors
    /// Those of [`Plan::new`].
    pub fn plan(&self, work: &Work) -> Result<Plan> {
        let tuned = self.tuning.as_ref().filter(|_| self.forced.is_none()).and_then(|tuning| tuning.choice(work));
        if let Some((strategy, texture_reads)) = tuned {
            let texture_reads = texture_reads && !self.caps.avoided.contains(&Avoid::TextureReads);
            let caps = Caps { texture_reads, ..self.caps.clone() };
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
        Self { inline: true, ..self.clone() }
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

    pub(crate) fn pipelines(&self) -> &Cache {
        &self.shared.pipelines
    }

    /// The texture that logits are copied to.
    pub(crate) fn kept_texels(&self) -> &Kept {
        &self.shared.texels
    }

    /// The buffers that host-level calls share.
    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.shared.pool
    }

    /// Whether the host can map the buffers that kernels use, and they are no slower for it.
    pub(crate) fn shares_memory(&self) -> bool {
        self.device().features().contains(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS) && has_one_memory(&self.shared.info)
    }

    pub(crate) fn poller(&self) -> &Poller {
        self.shared.poller.get_or_init(|| Poller::new(self.device().clone()))
    }

    /// The error that a lost device gives, if it is lost.
    pub(crate) fn lost(&self) -> Option<Error> {
        let message = self.shared.lost.lock().unwrap_or_else(PoisonError::into_inner).clone();
        message.map(|message| Error::DeviceLost { message })
    }

    /// [`lost`](Self::lost), after the device had an occasion to say so: its callback runs only in a poll.
    pub(crate) fn now_lost(&self) -> Option<Error> {
        self.poll_once();
        self.lost()
    }

    /// Lets callbacks run whose time has come.
    pub(crate) fn poll_once(&self) {
        // A poll that fails, or panics as wgpu's does on a lost device, says nothing that the callbacks do not.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.device().poll(wgpu::PollType::Poll)));
    }

    /// [`now_lost`](Self::now_lost), after work that is under way on a lost device had time to end: the loss is told only then.
    fn soon_lost(&self) -> Option<Error> {
        (0..50).find_map(|_| {
            let lost = self.now_lost();
            if lost.is_none() {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            lost
        })
    }

    /// Runs wgpu calls and turns the errors that they raise into one of ours. `bytes` is told if memory runs out.
    ///
    /// Scopes belong to a thread, so nothing may be awaited inside; natively their futures are ready at once.
    pub(crate) fn scoped<T>(&self, bytes: u64, run: impl FnOnce() -> T) -> Result<T> {
        let device = self.device();
        let scopes = [wgpu::ErrorFilter::Internal, wgpu::ErrorFilter::Validation, wgpu::ErrorFilter::OutOfMemory]
            .map(|filter| device.push_error_scope(filter));
        let value = run();
        let mut first = None;
        for scope in scopes.into_iter().rev() {
            first = first.or(pollster::block_on(scope.pop()));
        }
        match first {
            None => Ok(value),
            Some(wgpu::Error::OutOfMemory { source }) => {
                Err(self.now_lost().unwrap_or_else(|| Error::OutOfMemory { bytes, message: source.to_string() }))
            }
            Some(other) => Err(self.soon_lost().unwrap_or_else(|| Error::Gpu { message: other.to_string() })),
        }
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
            // wgpu does not raise the error of a buffer that a lost device cannot make: it shows only here.
            mapped.map_err(|e| self.now_lost().unwrap_or_else(|| Error::Gpu { message: e.to_string() }))?.copy_from_slice(bytes);
            buffer.unmap();
            Ok(buffer)
        })?
    }

    /// An encoder of our own.
    pub(crate) fn encoder(&self) -> Result<wgpu::CommandEncoder> {
        self.scoped(0, || self.device().create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("xent") }))
    }

    /// What is bound where a kernel declares a binding that the call does not use.
    pub(crate) fn nothing(&self, slot: &Slot) -> wgpu::BufferBinding<'_> {
        let (buffer, place) = match slot.access {
            Access::Write => (&self.shared.nothing[1], u64::from(slot.index)),
            _ => (&self.shared.nothing[0], 0),
        };
        wgpu::BufferBinding { buffer, offset: place * NOTHING_STEP, size: wgpu::BufferSize::new(NOTHING_STEP) }
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
