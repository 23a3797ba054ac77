//! What memory the process has when nothing is under way.

use std::time::Duration;

use wgpu_xent::Gpu;

/// What is left of calls that nobody waits for any more is gone after this.
const SETTLED: Duration = Duration::from_millis(200);

/// Resident bytes of this process, where the system tells.
pub(super) fn resident() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    // Pages of 4 KiB; where they are larger, so is what is compared.
    pages.split(' ').nth(1)?.parse::<u64>().ok().map(|pages| pages * 4096)
}

/// Resident bytes when nothing is under way, and nothing is kept for later: neither by the devices nor by the allocator.
pub(super) fn settled(gpus: &[Gpu]) -> Option<u64> {
    gpus.iter().for_each(Gpu::trim);
    std::thread::sleep(SETTLED);
    trim_allocator();
    resident()
}

/// Has glibc give back what is free: with several threads it keeps as much as all calls ever had at once, in any order.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn trim_allocator() {
    // SAFETY: as declared in glibc's malloc.h. It may be called at any time, from any thread, and takes a number only.
    unsafe extern "C" {
        safe fn malloc_trim(pad: usize) -> i32;
    }
    malloc_trim(0);
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim_allocator() {}
