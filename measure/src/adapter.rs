//! Which adapters to measure on, opened with timestamps where they have them.

use wgpu_xent::{AdapterChoice, Gpu, Result, wgpu};

/// What a word of the command line chooses: a place, a part of a name, or `all` of the adapters.
#[must_use]
pub fn choices(word: &str) -> Vec<AdapterChoice> {
    match word {
        "all" => Gpu::adapters().iter().map(|a| AdapterChoice::Index(a.index)).collect(),
        _ => vec![word.parse().map_or_else(|_| AdapterChoice::Name(word.into()), AdapterChoice::Index)],
    }
}

/// Opens an adapter as [`Gpu::open`] does, and again with timestamps if it has them.
///
/// # Errors
/// As [`Gpu::open`].
pub fn opened(choice: &AdapterChoice) -> Result<Gpu> {
    Gpu::open(choice).map(|gpu| with_timestamps(&gpu).unwrap_or(gpu))
}

/// The same adapter with the feature `TIMESTAMP_QUERY`, which the library does not ask for.
#[must_use]
pub fn with_timestamps(gpu: &Gpu) -> Option<Gpu> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    descriptor.flags = wgpu::InstanceFlags::from_build_config().with_env() - wgpu::InstanceFlags::VALIDATION;
    let instance = wgpu::Instance::new(descriptor);
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::from(gpu.info().backend)));
    let adapter = adapters.into_iter().find(|a| a.get_info() == *gpu.info())?;
    if !adapter.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
        return None;
    }
    let descriptor = wgpu::DeviceDescriptor {
        label: Some("xent-measure"),
        required_features: gpu.device().features() | wgpu::Features::TIMESTAMP_QUERY,
        required_limits: adapter.limits(),
        ..Default::default()
    };
    let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).ok()?;
    Some(Gpu::from_device(device, queue))
}
