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
    glibc::trim();
    resident()
}

/// What glibc offers for its own memory. With its defaults several threads keep, in holes, as much as all calls ever had at once:
/// on lavapipe that grew by 169 MB in a minute in which nothing was lost.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    // SAFETY: as declared in glibc's malloc.h; each takes numbers only, and may be called at any time, from any thread.
    #[expect(unsafe_code, reason = "declaring what C offers is unsafe: see above")]
    unsafe extern "C" {
        safe fn malloc_trim(pad: usize) -> i32;
        safe fn mallopt(parameter: i32, value: i32) -> i32;
    }

    const M_MMAP_THRESHOLD: i32 = -3;
    const M_ARENA_MAX: i32 = -8;

    /// One heap for all threads, and none of what is large in it.
    pub(super) fn prepare() {
        mallopt(M_ARENA_MAX, 1);
        mallopt(M_MMAP_THRESHOLD, 256 << 10);
    }

    /// Gives back what is free.
    pub(super) fn trim() {
        malloc_trim(0);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod glibc {
    pub(super) fn prepare() {}

    pub(super) fn trim() {}
}

/// Has the allocator give back what is free, so that what is lost shows. Before any thread is started.
pub(super) fn prepare() {
    glibc::prepare();
}
