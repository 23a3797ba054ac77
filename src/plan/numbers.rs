//! The numbers of a plan: widths, chunks, loops and windows.

use super::{Strategy, Unit, Work};
use crate::caps::{CPU_WORKGROUP, Caps};

/// Bytes of one chunk's statistics, at most. `shader/tests.rs` holds every `Stats` against it.
pub(crate) const STATS_BYTES: u64 = 60;

/// The most rows of a window: what the vector kernels go through as one row, in chunks that a CPU adapter's loops last for.
pub(super) const MAX_WINDOW_ROWS: u64 = 1 << 25;

/// The most chunks of a row: every unit of the second dispatch reads them all. On Mesa's GL a loss with gradient of one row of 1,000,000 classes takes 2.50 ms
/// in 256 chunks and 2.13 in 64 (`2026-11-30-cores.txt`). Not measured on GPUs, where 256 workgroups are about two for each multiprocessor.
const MAX_CHUNKS: u64 = 256;

/// The most blocks of four quads that a thread keeps in registers: 64 of them, half of what a thread of a workgroup of 512 has on
/// the GPUs with 65,536 registers. `held_row.wgsl` writes out as many. Not measured yet.
pub(crate) const MAX_HELD: u64 = 4;

/// The most words of a workgroup's tile: what WebGPU grants everywhere. 64 threads' rows of 63 classes fit.
const MAX_TILE: u32 = 4096;

/// A chunk is worth its overhead from the quads that so many passes of a thread's loop take in, and two for each thread that shares it: few
/// enough that [1 x 1,000,000] fills an adapter, and the losses of 65,536 rows, which are read a quad a pass, two cores. With 512 passes they had 32
/// chunks, too few to share among them (docs/decisions/0016).
const MIN_CHUNK_PASSES: u64 = 128;

pub(super) fn quads(work: &Work) -> u64 {
    work.classes.div_ceil(4)
}

/// Bytes that a binding surely holds behind an offset that had to be rounded down.
pub(super) fn binding_room(caps: &Caps) -> u64 {
    caps.max_binding.min(caps.max_buffer).min(u64::from(u32::MAX)).saturating_sub(caps.alignment.saturating_add(16))
}

/// Threads of a workgroup: on a GPU, enough for a few quads a thread of a long row; the widths there are not measured yet (`QuACK` has 128 threads a
/// workgroup up to 16,384 classes, then 256). On a CPU adapter one core computes a workgroup, whose barriers are dear: a workgroup of subgroups is
/// one subgroup, one that shares a row eight threads.
pub(super) fn width(work: &Work, caps: &Caps, strategy: Strategy) -> u32 {
    let wanted = match strategy.unit() {
        Unit::Thread | Unit::Tile(_) if caps.cpu => CPU_WORKGROUP,
        Unit::Thread | Unit::Tile(_) => 64,
        Unit::Subgroup => {
            let largest = caps.subgroup.map_or(1, |s| s.1);
            let wanted = if caps.cpu { largest } else { largest.max(128) };
            return wanted.min(caps.max_workgroup) / largest.min(caps.max_workgroup) * largest.min(caps.max_workgroup);
        }
        Unit::Workgroup | Unit::Subgroups(_) if caps.cpu => 8,
        // As few threads as can hold the row, if so many can: rows beside each other hide the wait for a barrier.
        _ if strategy == Strategy::Held => {
            u32::try_from(work.classes / 4 / (4 * MAX_HELD)).map_or(512, |n| n.max(1).next_power_of_two()).clamp(32, 512)
        }
        Unit::Workgroup | Unit::Subgroups(_) => u32::try_from(quads(work).next_power_of_two()).unwrap_or(u32::MAX).clamp(32, 256),
    };
    // A power of two, for the tree.
    let most = match strategy.unit() {
        Unit::Thread | Unit::Tile(_) => caps.max_workgroup,
        _ => caps.max_workgroup.min(sharers(work, caps)),
    };
    wanted.min(1 << most.max(1).ilog2())
}

/// Threads whose statistics fit the memory of a workgroup: one of each thread, or of each subgroup where there are any.
pub(super) fn sharers(work: &Work, caps: &Caps) -> u32 {
    let threads = caps.subgroup.filter(|_| work.subgroups).map_or(1, |(smallest, _)| smallest);
    (caps.max_workgroup_bytes / STATS_BYTES as u32).saturating_mul(threads)
}

/// Blocks that a thread can hold: whole ones, all within the row.
pub(super) fn held(work: &Work, workgroup: u32) -> u32 {
    if !(work.elements && work.can_hold) {
        return 0;
    }
    (work.classes / 4 / (4 * u64::from(workgroup))).min(MAX_HELD) as u32
}

/// Words of a workgroup's tile, rounded up so that neighbouring numbers of classes share pipelines, but for up to 16
/// (`Phase::of_threads`); 0 if rows cannot go through it.
pub(super) fn tile(work: &Work, caps: &Caps, workgroup: u32) -> u32 {
    // tile.wgsl puts a word between rows of an even number of classes, and wants a tile to start with a quad.
    let words = (work.classes | 1).next_multiple_of(8).saturating_mul(u64::from(workgroup));
    let fits = words <= u64::from(MAX_TILE.min(caps.max_workgroup_bytes / 4));
    if fits && work.can_tile && work.inner == 1 && workgroup.is_multiple_of(4) { words as u32 } else { 0 }
}

/// The least quads of a chunk.
pub(super) fn min_chunk_quads(work: &Work, lanes: u64) -> u64 {
    work.quads_a_pass.saturating_mul(MIN_CHUNK_PASSES).max(2 * lanes)
}

/// Chunks that fill the adapter, none of them too small to be worth it, none too long for a thread's loops.
pub(super) fn chunks(work: &Work, caps: &Caps, lanes: u64, rows: u64) -> u64 {
    let quads = quads(work);
    let fill = u64::from(caps.busy_threads).div_ceil(rows * lanes);
    let worth = quads.div_ceil(min_chunk_quads(work, lanes));
    let bounded = quads.div_ceil(u64::from(caps.max_loop_trips.max(1)) * lanes);
    fill.min(worth).max(bounded).clamp(2, MAX_CHUNKS).min(quads.max(1))
}

/// Passes through all loops of one thread, counted as the WGSL parts are written. The pass that only ends a loop counts too:
/// llvmpipe counts it.
pub(super) fn loop_trips(work: &Work, chunks: u64, chunk_quads: u64, lanes: u64, strategy: Strategy) -> u64 {
    let own = chunk_quads.div_ceil(lanes);
    // scan.wgsl, or that of vector.wgsl, and find_best of stats_row.wgsl.
    let scan = (own / work.quads_a_pass + 1) + (4 + 1) + (4 + 1);
    // elements.wgsl.
    let write = if work.elements { (own / 4 + 1) + (4 + 1) } else { 0 };
    // split_finish.wgsl.
    let merge = if strategy.is_split() { chunks.div_ceil(lanes) + 1 } else { 0 };
    // unit_workgroup.wgsl: a tree over up to 2^15 threads, once a dispatch; unit_subgroups.wgsl: fewer parts than that.
    let tree = if strategy.unit() == Unit::Workgroup { 15 + 1 } else { 0 };
    scan + write + merge + tree
}

/// The same in `tile.wgsl` and `tile_result.wgsl`: quads of the tile, and the elements of the last.
pub(super) fn tile_trips(work: &Work) -> u64 {
    2 * (quads(work) + 1 + 3 + 1)
}

/// Rows, whole blocks, whose buffers can be bound at once, whose chunks' statistics fit, and whose grid can be folded; 0 if the
/// statistics of one block do not fit. `chunks` is `None` for whole rows.
pub(super) fn window_rows(work: &Work, caps: &Caps, chunks: Option<u64>, items_per_group: u32) -> u64 {
    let room = binding_room(caps);
    let block_bytes = work.block_bytes.max(4);
    let by_binding = (room / block_bytes).min((work.window_bytes / block_bytes).max(1)) * work.inner;
    let by_words = (room - work.fixed_words * 4) / (work.row_words.max(1) * 4);
    let by_stats = chunks.map_or(u64::MAX, |chunks| room / (chunks * STATS_BYTES));
    let by_grid = u64::from(caps.max_groups).pow(2).min(u64::from(u32::MAX)) * u64::from(items_per_group) / chunks.unwrap_or(1);
    let rows = by_binding.min(by_words).min(by_stats).min(by_grid).min(MAX_WINDOW_ROWS).min(work.rows.max(work.inner));
    rows / work.inner * work.inner
}

/// Workgroups for a number of items, folded into two dimensions.
pub(crate) fn grid(items: u64, items_per_group: u32, max_groups: u32) -> (u32, u32) {
    let groups = items.div_ceil(u64::from(items_per_group)).max(1);
    let y = groups.div_ceil(u64::from(max_groups));
    let x = groups.div_ceil(y);
    (x as u32, y as u32)
}
