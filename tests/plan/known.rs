//! The numbers of adapters: of those that tests run on, of GPUs, and of some that make arithmetic fail.

use wgpu::{AdapterInfo, Backend, DeviceType, Features, Limits};
use wgpu_xent::{Avoid, Caps};

/// An adapter that has subgroups of these sizes, if of any.
pub(super) fn caps(device_type: DeviceType, subgroup: Option<(u32, u32)>, change: impl FnOnce(&mut Limits)) -> Caps {
    let mut info = AdapterInfo::new(device_type, Backend::Vulkan);
    (info.subgroup_min_size, info.subgroup_max_size) = subgroup.unwrap_or((0, 0));
    let mut limits = Limits::defaults();
    change(&mut limits);
    let mut caps = Caps::of(&info, if subgroup.is_some() { Features::SUBGROUP } else { Features::empty() }, &limits);
    if caps.cpu {
        caps.busy_threads = with_cores(8);
    }
    caps
}

/// The threads that keep the cores of a CPU adapter busy, of which tests are not to depend on how many this machine has.
pub(super) const fn with_cores(cores: u32) -> u32 {
    32 * cores
}

pub(super) fn threads(limits: &mut Limits, threads: u32) {
    limits.max_compute_invocations_per_workgroup = threads;
    limits.max_compute_workgroup_size_x = threads;
}

pub(super) fn memory(limits: &mut Limits, binding: u64, buffer: u64, alignment: u32) {
    limits.max_storage_buffer_binding_size = binding;
    limits.max_buffer_size = buffer;
    limits.min_storage_buffer_offset_alignment = alignment;
}

pub(super) fn mesa(subgroup: Option<(u32, u32)>) -> Caps {
    caps(DeviceType::Cpu, subgroup, |l| {
        threads(l, 1024);
        memory(l, 128 << 20, (1 << 31) - 1, 32);
    })
    .avoiding(&[Avoid::LoopTrips(65_000)])
}

pub(super) fn lavapipe() -> Caps {
    mesa(Some((8, 8)))
}

pub(super) fn gl() -> Caps {
    mesa(None)
}

pub(super) fn swiftshader() -> Caps {
    caps(DeviceType::Cpu, Some((4, 4)), |l| memory(l, 1 << 30, 1 << 30, 256))
}

pub(super) fn nvidia() -> Caps {
    caps(DeviceType::DiscreteGpu, Some((32, 32)), |l| {
        threads(l, 1024);
        memory(l, (1 << 31) - 4, 1 << 40, 16);
    })
}

/// Adapters for what must hold on any: the known ones, and what makes arithmetic fail.
pub(super) fn adapters() -> Vec<(&'static str, Caps)> {
    let mut no_dimension = lavapipe();
    no_dimension.max_groups = 100;
    let mut odd = gl();
    (odd.max_workgroup, odd.max_loop_trips, odd.cpu) = (200, 3000, false);
    let mut huge = nvidia();
    (huge.max_binding, huge.max_buffer, huge.max_groups) = (u64::MAX, u64::MAX, u32::MAX);
    vec![
        ("lavapipe", lavapipe()),
        ("Mesa's GL", gl()),
        ("SwiftShader", swiftshader()),
        ("NVIDIA", nvidia()),
        ("WebGPU's defaults", caps(DeviceType::Other, None, |_| ())),
        ("subgroups of 8 to 32", caps(DeviceType::IntegratedGpu, Some((8, 32)), |_| ())),
        ("subgroups of 64 to 128 in groups of 64", caps(DeviceType::IntegratedGpu, Some((64, 128)), |l| threads(l, 64))),
        ("100 groups a dimension", no_dimension),
        ("200 threads, 3,000 loop passes", odd),
        ("no limits", huge),
    ]
}
