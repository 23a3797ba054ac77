#![no_main]

use std::sync::OnceLock;

#[path = "../src/device_views.rs"]
mod device_views;
#[path = "../src/draw.rs"]
#[expect(dead_code, reason = "the other targets draw floats")]
mod draw;

/// A device of the backend that does nothing.
fn device() -> wgpu::Device {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::NOOP;
    descriptor.backend_options.noop.enable = true;
    let instance = wgpu::Instance::new(descriptor);
    let adapter = pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default())).expect("the noop adapter");
    pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default())).expect("the noop device").0
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    static BUFFERS: OnceLock<[wgpu::Buffer; 4]> = OnceLock::new();
    device_views::run(BUFFERS.get_or_init(|| device_views::buffers(&device())), bytes);
});
