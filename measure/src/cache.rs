//! How many sets of buffers to use in turn, so that no sample finds its logits in a cache.

use wgpu_xent::Gpu;

/// Assumed where nothing tells: the last-level cache of a CPU, and of a GPU.
const CPU_CACHE: u64 = 32 << 20;
const GPU_CACHE: u64 = 64 << 20;
/// The logits of all sets together are larger than the cache so many times ..
const TIMES: u64 = 4;
/// .. unless that takes more memory, or more sets, than this.
const MOST_BYTES: u64 = 1 << 30;
const MOST_SETS: u64 = 64;

/// The bytes of the last-level cache.
pub(crate) fn last_level(gpu: &Gpu) -> u64 {
    if gpu.is_software() { of_cpu().unwrap_or(CPU_CACHE) } else { GPU_CACHE }
}

/// The sets for logits of so many bytes, all buffers of a set together `set` bytes.
pub(crate) fn sets(cache: u64, logits: u64, set: u64) -> usize {
    let wanted = (TIMES * cache).div_ceil(logits.max(1));
    wanted.min(MOST_BYTES / set.max(1)).clamp(1, MOST_SETS) as usize
}

/// The largest cache that the kernel lists for the first core.
fn of_cpu() -> Option<u64> {
    let folder = std::fs::read_dir("/sys/devices/system/cpu/cpu0/cache").ok()?;
    let size = |entry: std::io::Result<std::fs::DirEntry>| parsed(&std::fs::read_to_string(entry.ok()?.path().join("size")).ok()?);
    folder.filter_map(size).max()
}

/// `32768K`, `32M` or bytes.
fn parsed(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, shift) = match text.char_indices().last()? {
        (at, 'K') => (&text[..at], 10),
        (at, 'M') => (&text[..at], 20),
        _ => (text, 0),
    };
    digits.parse::<u64>().ok().map(|n| n << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_linux_writes_them() {
        assert_eq!(parsed("32768K\n"), Some(32 << 20));
        assert_eq!(parsed("1M"), Some(1 << 20));
        assert_eq!(parsed("512"), Some(512));
        assert_eq!(parsed(""), None);
        assert_eq!(parsed("K"), None);
    }

    #[test]
    fn enough_sets_to_leave_the_cache() {
        assert_eq!(sets(32 << 20, 16 << 20, 40 << 20), 8);
        assert_eq!(sets(32 << 20, 256 << 20, 600 << 20), 1);
        // Memory and the number of sets are limits.
        assert_eq!(sets(512 << 20, 64 << 20, 256 << 20), 4);
        assert_eq!(sets(32 << 20, 1000, 4000), 64);
        assert_eq!(sets(32 << 20, 1 << 30, 3 << 30), 1);
    }
}
