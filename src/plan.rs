//! Which kernel runs, how wide, in which windows and grid: a pure value, chosen from a shape and an adapter's numbers.

use crate::caps::Caps;
use crate::texels::most_bytes;
use crate::views::Storage;
use crate::{Error, Result};

/// Who serves a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Strategy {
    /// A thread serves a row; no barriers.
    Thread,
    /// A thread serves a row, which its workgroup has brought to workgroup memory, and takes from there: neighbouring threads read and
    /// write neighbours in memory. Rows that are too long for it, or have gaps between them, are served as by
    /// [`Thread`](Self::Thread), and [`Plan::tile`] is 0.
    Tile,
    /// A subgroup serves a row; no barriers.
    Subgroup,
    /// A workgroup serves a row, through workgroup memory.
    Workgroup,
    /// A workgroup serves a row and keeps what it can of it in registers, to read it once. Rows that are too short for it, or only read,
    /// are served as by [`Workgroup`](Self::Workgroup), and [`Plan::held`] is 0.
    Held,
    /// Threads serve chunks of a row; a second dispatch merges.
    SplitThread,
    /// Subgroups serve chunks of a row; a second dispatch merges.
    SplitSubgroup,
    /// Workgroups serve chunks of a row; a second dispatch merges.
    SplitWorkgroup,
}

/// What shares the work of an item: see the `unit_*.wgsl` parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Unit {
    Thread,
    /// A thread, whose row is among the so many words in workgroup memory.
    Tile(u32),
    Subgroup,
    Workgroup,
    /// A workgroup of at most so many subgroups, which reduce by themselves first.
    Subgroups(u32),
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Thread,
        Self::Tile,
        Self::Subgroup,
        Self::Workgroup,
        Self::Held,
        Self::SplitThread,
        Self::SplitSubgroup,
        Self::SplitWorkgroup,
    ];

    pub(crate) const fn unit(self) -> Unit {
        match self {
            Self::Thread | Self::Tile | Self::SplitThread => Unit::Thread,
            Self::Subgroup | Self::SplitSubgroup => Unit::Subgroup,
            Self::Workgroup | Self::Held | Self::SplitWorkgroup => Unit::Workgroup,
        }
    }

    /// Whether a row is cut into chunks.
    #[must_use]
    pub const fn is_split(self) -> bool {
        matches!(self, Self::SplitThread | Self::SplitSubgroup | Self::SplitWorkgroup)
    }

    const fn split(self) -> Self {
        match self.unit() {
            Unit::Thread | Unit::Tile(_) => Self::SplitThread,
            Unit::Subgroup => Self::SplitSubgroup,
            Unit::Workgroup | Unit::Subgroups(_) => Self::SplitWorkgroup,
        }
    }
}

impl std::fmt::Display for Strategy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Thread => "thread",
            Self::Tile => "tile",
            Self::Subgroup => "subgroup",
            Self::Workgroup => "workgroup",
            Self::Held => "held",
            Self::SplitThread => "split-thread",
            Self::SplitSubgroup => "split-subgroup",
            Self::SplitWorkgroup => "split-workgroup",
        })
    }
}

/// What is to be done, as far as planning cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Work {
    /// Rows of the call.
    pub rows: u64,
    /// Classes of a row.
    pub classes: u64,
    /// How a logit is stored.
    pub storage: Storage,
    /// Rows of a block: neighbours in memory, whose classes lie `inner` elements apart; 1 for a matrix. Divides `rows`.
    pub inner: u64,
    /// The largest distance between two blocks of rows in any matrix, in bytes.
    pub block_bytes: u64,
    /// Words that the kernel keeps of each row in one buffer: targets, factors, losses, ..
    pub row_words: u64,
    /// Words in front of these, whatever the rows.
    pub fixed_words: u64,
    /// Whether elements are written, not only values of rows.
    pub elements: bool,
    /// Whether the kernel has a variant with subgroup operations.
    pub subgroups: bool,
    /// Quads that a thread takes in with one pass of its loop over a row.
    pub quads_a_pass: u64,
    /// The most bytes of a window that the caller wants, besides what bindings allow.
    pub window_bytes: u64,
    /// Whether the logits can be copied to a texture, and are read often enough for that.
    pub can_copy: bool,
    /// Whether what is read to write elements is what was read before, and can be kept.
    pub can_hold: bool,
    /// Whether all of a row is read, and neither the logits nor the result have anything between two rows.
    pub can_tile: bool,
}

impl Work {
    /// Dense rows, in the largest windows that the adapter allows.
    #[must_use]
    pub fn dense(rows: u64, classes: u64, storage: Storage, elements: bool) -> Self {
        Self {
            rows,
            classes,
            storage,
            inner: 1,
            block_bytes: classes.saturating_mul(storage.bytes() as u64),
            row_words: 1,
            fixed_words: 0,
            elements,
            subgroups: true,
            quads_a_pass: 4,
            window_bytes: u64::MAX,
            can_copy: false,
            can_hold: elements,
            can_tile: true,
        }
    }
}

/// How a call is run. Printable, comparable, and chosen without a GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// Who serves a row.
    pub strategy: Strategy,
    /// Threads of a workgroup.
    pub workgroup: u32,
    /// Items (rows, or chunks of rows) that a workgroup serves.
    pub items_per_group: u32,
    /// Chunks of a row, 1 unless it is split.
    pub chunks: u32,
    /// Quads (four classes) of a chunk; the last may have fewer.
    pub chunk_quads: u32,
    /// Rows of a window; the last may have fewer.
    pub window_rows: u64,
    /// Windows that the rows take.
    pub windows: u64,
    /// Workgroups of a full window's dispatch, x and y.
    pub grid: (u32, u32),
    /// The most loop iterations that a thread may need.
    pub loop_trips: u64,
    /// Blocks of 16 logits that each thread keeps from the reading to the writing.
    pub held: u32,
    /// Words of workgroup memory that rows go through, 0 if they do not.
    pub tile: u32,
    /// Whether the logits of a window are copied to a texture and read there.
    pub texture: bool,
}

/// Bytes of one chunk's statistics, at most. `shader/tests.rs` holds every `Stats` against it.
pub(crate) const STATS_BYTES: u64 = 60;

/// The most rows of a window: what the vector kernels go through as one row, in chunks that a CPU adapter's loops last for.
const MAX_WINDOW_ROWS: u64 = 1 << 25;

/// The most bytes of a window that goes through a texture: what a CPU's last-level cache holds from the copy to the reading.
const TEXTURE_WINDOW: u64 = 16 << 20;

/// The most chunks of a row: every unit of the second dispatch reads them all.
const MAX_CHUNKS: u64 = 256;

/// The most blocks of four quads that a thread keeps in registers: 64 of them, half of what a thread of a workgroup of 512 has on
/// the GPUs with 65,536 registers. `held_row.wgsl` writes out as many. Not measured yet.
pub(crate) const MAX_HELD: u64 = 4;

/// The most words of a workgroup's tile: what WebGPU grants everywhere. 64 threads' rows of 63 classes fit.
const MAX_TILE: u32 = 4096;

/// The least quads that make a chunk worth its overhead: small enough that [1 x 1,000,000] fills an adapter. Not tuned yet.
const MIN_CHUNK_QUADS: u64 = 512;

/// On a CPU adapter, the most classes for which a thread a row beats a subgroup a row while there are rows enough. Lavapipe,
/// `benches/results/*/2026-11-21-strategies.txt`: a thread wins by 1.2 at 1000 classes, neither at 32,000.
const CPU_THREAD_CLASSES: u64 = 4096;

/// On a GPU, the most classes for a thread a row, and for a subgroup a row. Not measured yet.
const GPU_THREAD_CLASSES: u64 = 32;
const GPU_SUBGROUP_CLASSES: u64 = 1024;

impl Plan {
    /// The plan that the tables give, or that of the forced strategy.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if one row exceeds what an adapter can bind or 32-bit indices reach, [`Error::Strategy`] if the
    /// forced strategy cannot serve the shape, for example for want of subgroups or of loop iterations, [`Error::Value`] for
    /// blocks, passes or subgroups of nothing.
    pub fn new(work: &Work, caps: &Caps, forced: Option<Strategy>) -> Result<Self> {
        check_numbers(work, caps)?;
        check_row(work, caps)?;
        // Then no number of rows is too small to keep the adapter busy: none of the choices below depends on it.
        let busy_threads = if caps.batch_invariant { 1 } else { caps.busy_threads };
        let caps = &Caps { busy_threads, ..caps.clone() };
        let texture = work.classes <= caps.texture_classes && work.can_copy && work.block_bytes < most_bytes(caps);
        let window_bytes = if texture { work.window_bytes.min(TEXTURE_WINDOW).min(most_bytes(caps)) } else { work.window_bytes };
        let work = &Work { window_bytes, can_copy: texture, ..*work };
        if let Some(strategy) = forced {
            return Self::with(work, caps, strategy);
        }
        let unit = caps.instead_of(preferred(work, caps), work.subgroups);
        let lanes = match unit.unit() {
            Unit::Thread | Unit::Tile(_) => 1,
            Unit::Subgroup => u64::from(caps.subgroup.map_or(1, |s| s.1)),
            Unit::Workgroup | Unit::Subgroups(_) => u64::from(width(work, caps, unit)),
        };
        let whole = Self::with(work, caps, unit);
        let at_once = whole.as_ref().map_or(work.rows, |plan| plan.window_rows);
        let idle = at_once.saturating_mul(lanes) < u64::from(caps.busy_threads);
        let worth = quads(work) >= 2 * MIN_CHUNK_QUADS;
        match whole {
            Ok(plan) if !(idle && worth) => Ok(plan),
            // Too few rows to fill the adapter, or too many iterations for one thread.
            _ => Self::with(work, caps, caps.instead_of(unit.split(), work.subgroups)).or(whole),
        }
    }

    fn with(work: &Work, caps: &Caps, strategy: Strategy) -> Result<Self> {
        let refuse = |reason: String| Error::Strategy { strategy: strategy.to_string(), rows: work.rows, classes: work.classes, reason };
        if caps.avoids(strategy) {
            return Err(refuse("it is avoided on this adapter".into()));
        }
        // What does not fit a tile, or registers, runs as that.
        let kernel = match strategy {
            Strategy::Tile if tile(work, caps, width(work, caps, strategy)) == 0 => Strategy::Thread,
            Strategy::Held if held(work, width(work, caps, strategy)) == 0 => Strategy::Workgroup,
            other => other,
        };
        if caps.avoids(kernel) {
            return Err(refuse(format!("such rows are served as by the strategy {kernel}, which is avoided on this adapter")));
        }
        if strategy.unit() == Unit::Subgroup && (caps.subgroup.is_none() || !work.subgroups) {
            return Err(refuse("there is no variant with subgroup operations for this adapter and operation".into()));
        }
        if matches!(strategy.unit(), Unit::Workgroup | Unit::Subgroups(_)) && sharers(work, caps) == 0 {
            let (room, needed) = (caps.max_workgroup_bytes, STATS_BYTES);
            return Err(refuse(format!("statistics take {needed} bytes of a workgroup's memory, there are {room}")));
        }
        let workgroup = width(work, caps, strategy);
        let (items_per_group, lanes) = match strategy.unit() {
            Unit::Thread | Unit::Tile(_) => (workgroup, 1),
            // A subgroup may turn out as small as the smallest: lanes for the loops, items for the grid.
            Unit::Subgroup => caps.subgroup.map_or((1, 1), |(smallest, largest)| ((workgroup / largest).max(1), u64::from(smallest))),
            Unit::Workgroup | Unit::Subgroups(_) => (1, u64::from(workgroup)),
        };
        let quads = quads(work);
        let at_once = window_rows(work, caps, None, items_per_group).max(work.inner);
        let chunks = if strategy.is_split() { chunks(work, caps, lanes, at_once) } else { 1 };
        let chunk_quads = quads.div_ceil(chunks).max(1);
        let chunks = quads.div_ceil(chunk_quads).max(1);

        let tile = if strategy == Strategy::Tile { tile(work, caps, workgroup) } else { 0 };
        let loop_trips = loop_trips(work, chunks, chunk_quads, lanes, strategy) + if tile > 0 { tile_trips(work) } else { 0 };
        if loop_trips > u64::from(caps.max_loop_trips) {
            return Err(refuse(format!("a thread would need {loop_trips} loop iterations, the limit is {}", caps.max_loop_trips)));
        }

        let window_rows = window_rows(work, caps, strategy.is_split().then_some(chunks), items_per_group);
        // Every window starts with a quad then, if the first does.
        let window_rows = if tile > 0 && window_rows < work.rows && window_rows >= 4 { window_rows / 4 * 4 } else { window_rows };
        if window_rows == 0 {
            let reason =
                format!("the statistics of {chunks} chunks of each of {} rows do not fit a binding, or as many items a grid", work.inner);
            return Err(refuse(reason));
        }
        let items = work.rows.min(window_rows) * chunks;
        Ok(Self {
            strategy,
            workgroup,
            items_per_group,
            chunks: chunks as u32,
            chunk_quads: chunk_quads as u32,
            window_rows,
            windows: work.rows.div_ceil(window_rows),
            grid: grid(items, items_per_group, caps.max_groups),
            loop_trips,
            held: if strategy == Strategy::Held { held(work, workgroup) } else { 0 },
            tile,
            texture: work.can_copy,
        })
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}x{}", self.strategy, self.workgroup, self.items_per_group)?;
        if self.held > 0 {
            write!(f, ", {} blocks held", self.held)?;
        }
        if self.tile > 0 {
            write!(f, ", {} words a tile", self.tile)?;
        }
        if self.strategy.is_split() {
            write!(f, ", {} chunks of {} quads", self.chunks, self.chunk_quads)?;
        }
        write!(f, ", {} window(s) of {} rows, grid {}x{}", self.windows, self.window_rows, self.grid.0, self.grid.1)?;
        if self.texture { f.write_str(", through a texture") } else { Ok(()) }
    }
}

fn quads(work: &Work) -> u64 {
    work.classes.div_ceil(4)
}

/// Numbers that the arithmetic of plans divides by, and that both structs leave open to be anything.
fn check_numbers(work: &Work, caps: &Caps) -> Result<()> {
    let refuse = |what, value: u64, must| Err(Error::Value { what, index: None, value: value as f64, must });
    if !work.rows.is_multiple_of(work.inner) || work.inner == 0 {
        return refuse("inner", work.inner, "a divisor of the rows");
    }
    if work.quads_a_pass == 0 {
        return refuse("quads_a_pass", 0, "1 or more");
    }
    match caps.subgroup {
        Some((smallest, largest)) if !(1..=largest).contains(&smallest) => {
            refuse("the smallest subgroup", smallest.into(), "1 or more, and no more than the largest")
        }
        _ => Ok(()),
    }
}

/// A window of one block must be bindable, and its indices fit 32 bits.
fn check_row(work: &Work, caps: &Caps) -> Result<()> {
    if caps.max_groups == 0 || caps.max_workgroup == 0 {
        let limit_name = "max_compute_workgroups_per_dimension and max_compute_invocations_per_workgroup";
        return Err(Error::TooLarge { what: "any call", needed: 1, unit: "workgroups", limit: 0, limit_name });
    }
    let limit = binding_room(caps);
    let limit_name = "max_storage_buffer_binding_size less the offset alignment";
    let words = work.row_words.max(1).saturating_mul(work.inner).saturating_add(work.fixed_words).saturating_mul(4);
    let what = if work.inner > 1 { "one block of rows" } else { "one row" };
    for needed in [work.block_bytes.max(4), words] {
        if needed > limit {
            return Err(Error::TooLarge { what, needed, unit: "bytes", limit, limit_name });
        }
    }
    let limit = u64::from(u32::MAX) - 1;
    if work.rows > limit {
        return Err(Error::TooLarge { what: "the call", needed: work.rows, unit: "rows", limit, limit_name: "32-bit row numbers" });
    }
    if work.classes > limit {
        return Err(Error::TooLarge { what: "one row", needed: work.classes, unit: "classes", limit, limit_name: "32-bit class numbers" });
    }
    if work.inner > MAX_WINDOW_ROWS {
        let limit_name = "the rows of a window";
        return Err(Error::TooLarge { what, needed: work.inner, unit: "rows", limit: MAX_WINDOW_ROWS, limit_name });
    }
    Ok(())
}

/// Bytes that a binding surely holds behind an offset that had to be rounded down.
fn binding_room(caps: &Caps) -> u64 {
    caps.max_binding.min(caps.max_buffer).min(u64::from(u32::MAX)).saturating_sub(caps.alignment.saturating_add(16))
}

fn preferred(work: &Work, caps: &Caps) -> Strategy {
    if work.inner > 1 {
        // Neighbouring threads serve neighbouring rows, which are neighbours in memory: loads coalesce.
        return Strategy::Thread;
    }
    let subgroups = caps.subgroup.is_some() && work.subgroups;
    if caps.cpu {
        let rows_enough = work.rows >= u64::from(caps.busy_threads);
        if subgroups && (work.classes > CPU_THREAD_CLASSES || (!rows_enough && work.classes > 32)) {
            return Strategy::Subgroup;
        }
        return Strategy::Thread;
    }
    match work.classes {
        c if c <= GPU_THREAD_CLASSES && work.can_tile => Strategy::Tile,
        c if c <= GPU_THREAD_CLASSES => Strategy::Thread,
        c if c <= GPU_SUBGROUP_CLASSES && subgroups => Strategy::Subgroup,
        _ if work.elements && work.can_hold => Strategy::Held,
        _ => Strategy::Workgroup,
    }
}

/// Threads of a workgroup: on a GPU, enough for a few quads a thread of a long row.
fn width(work: &Work, caps: &Caps, strategy: Strategy) -> u32 {
    let wanted = match strategy.unit() {
        Unit::Thread | Unit::Tile(_) if caps.cpu => 32,
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
fn sharers(work: &Work, caps: &Caps) -> u32 {
    let threads = caps.subgroup.filter(|_| work.subgroups).map_or(1, |(smallest, _)| smallest);
    (caps.max_workgroup_bytes / STATS_BYTES as u32).saturating_mul(threads)
}

/// Blocks that a thread can hold: whole ones, all within the row.
fn held(work: &Work, workgroup: u32) -> u32 {
    if !(work.elements && work.can_hold) {
        return 0;
    }
    (work.classes / 4 / (4 * u64::from(workgroup))).min(MAX_HELD) as u32
}

/// Words of a workgroup's tile, rounded up so that not every number of classes has pipelines of its own; 0 if rows cannot go through it.
fn tile(work: &Work, caps: &Caps, workgroup: u32) -> u32 {
    // tile.wgsl puts a word between rows of an even number of classes, and wants a tile to start with a quad.
    let words = (work.classes | 1).next_multiple_of(8).saturating_mul(u64::from(workgroup));
    let fits = words <= u64::from(MAX_TILE.min(caps.max_workgroup_bytes / 4));
    if fits && work.can_tile && work.inner == 1 && workgroup.is_multiple_of(4) { words as u32 } else { 0 }
}

/// Chunks that fill the adapter, none of them too small to be worth it, none too long for a thread's loops.
fn chunks(work: &Work, caps: &Caps, lanes: u64, rows: u64) -> u64 {
    let quads = quads(work);
    let fill = u64::from(caps.busy_threads).div_ceil(rows * lanes);
    let worth = quads.div_ceil(MIN_CHUNK_QUADS);
    let bounded = quads.div_ceil(u64::from(caps.max_loop_trips.max(1)) * lanes);
    fill.min(worth).max(bounded).clamp(2, MAX_CHUNKS).min(quads.max(1))
}

/// Passes through all loops of one thread, counted as the WGSL parts are written. The pass that only ends a loop counts too:
/// llvmpipe counts it.
fn loop_trips(work: &Work, chunks: u64, chunk_quads: u64, lanes: u64, strategy: Strategy) -> u64 {
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
fn tile_trips(work: &Work) -> u64 {
    2 * (quads(work) + 1 + 3 + 1)
}

/// Rows, whole blocks, whose buffers can be bound at once, whose chunks' statistics fit, and whose grid can be folded; 0 if the
/// statistics of one block do not fit. `chunks` is `None` for whole rows.
fn window_rows(work: &Work, caps: &Caps, chunks: Option<u64>, items_per_group: u32) -> u64 {
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
