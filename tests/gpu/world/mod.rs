//! Faults of the world: memory that runs out, devices that go, GPUs that are slow, callers who change their mind, buffers that cannot be
//! used. Each gives an error, frees what the call took, and leaves the next call right. `docs/faults.md` lists them.
//!
//! Pipelines: softmax and cross-entropy with gradient at the planned strategy, on devices of their own.

mod foreign;
mod lost;
#[cfg(target_os = "linux")]
pub(crate) mod memory;
mod stopped;
mod timeout;

use wgpu_xent::wgpu;
use wgpu_xent::{AdapterChoice, Gpu};

/// Each Vulkan adapter, opened for one test alone: GL runs kernels inside of the calls that submit them, and cannot be late.
fn vulkan() -> Vec<Gpu> {
    let is_vulkan = |index: &usize| Gpu::adapters()[*index].info.backend == wgpu::Backend::Vulkan;
    let indices = (0..Gpu::adapters().len()).filter(is_vulkan);
    indices.map(|index| Gpu::open(&AdapterChoice::Index(index)).unwrap()).collect()
}

/// A device of a caller on the first adapter, wrapped.
fn wrapped() -> Gpu {
    let [gpu] = wrapped_together();
    gpu
}

/// Several of one instance of wgpu.
fn wrapped_together<const COUNT: usize>() -> [Gpu; COUNT] {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let name = Gpu::adapters()[0].info.name.clone();
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::VULKAN));
    let adapter = adapters.into_iter().find(|a| a.get_info().name == name).expect("the first adapter is a Vulkan one");
    let descriptor = wgpu::DeviceDescriptor { required_limits: adapter.limits(), ..Default::default() };
    std::array::from_fn(|_| {
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).unwrap();
        Gpu::from_device(device, queue)
    })
}
