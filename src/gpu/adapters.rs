//! The adapters that there are, and the one that is asked for.

use crate::{Error, Result};

/// Which adapter to open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdapterChoice {
    /// The best one: discrete before integrated (with `WGPU_POWER_PREF=low` the other way round) before virtual before software,
    /// or the first whose name contains `WGPU_ADAPTER_NAME`. `WGPU_BACKEND` restricts the backends.
    #[default]
    Best,
    /// The one at this place in [`Gpu::adapters`](crate::Gpu::adapters).
    Index(usize),
    /// The first whose name contains this text, in any case.
    Name(String),
}

/// Whether host and device have the same memory.
pub(super) fn has_one_memory(info: &wgpu::AdapterInfo) -> bool {
    matches!(info.device_type, wgpu::DeviceType::Cpu | wgpu::DeviceType::IntegratedGpu)
}

/// Those that can compute, best first.
pub(super) async fn enumerate() -> Vec<wgpu::Adapter> {
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

pub(super) fn select(mut adapters: Vec<wgpu::Adapter>, choice: &AdapterChoice) -> Result<wgpu::Adapter> {
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
