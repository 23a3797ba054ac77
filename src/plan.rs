//! Which kernel runs, how wide, in which windows and grid: a pure value, chosen from a shape and an adapter's numbers.

mod numbers;
mod strategy;

pub(crate) use self::numbers::{MAX_HELD, STATS_BYTES, grid};
use self::numbers::{
    MAX_WINDOW_ROWS, binding_room, chunks, held, loop_trips, min_chunk_quads, quads, sharers, tile, tile_trips, width, window_rows,
};
pub use self::strategy::Strategy;
pub(crate) use self::strategy::Unit;
use crate::caps::Caps;
use crate::texels::most_bytes;
use crate::views::Storage;
use crate::{Error, Result};

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

/// The most bytes of a window that goes through a texture: what a CPU's last-level cache holds from the copy to the reading.
const TEXTURE_WINDOW: u64 = 16 << 20;

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
        let texture = caps.texture_reads && work.can_copy && work.block_bytes < most_bytes(caps);
        let window_bytes = if texture { work.window_bytes.min(TEXTURE_WINDOW).min(most_bytes(caps)) } else { work.window_bytes };
        let work = &Work { window_bytes, can_copy: texture, ..*work };
        if let Some(strategy) = forced {
            return Self::with(work, caps, strategy);
        }
        let unit = caps.instead_of(strategy::preferred(work, caps), work.subgroups);
        let lanes = match unit.unit() {
            Unit::Thread | Unit::Tile(_) => 1,
            Unit::Subgroup => u64::from(caps.subgroup.map_or(1, |s| s.1)),
            Unit::Workgroup | Unit::Subgroups(_) => u64::from(width(work, caps, unit)),
        };
        let whole = Self::with(work, caps, unit);
        let at_once = whole.as_ref().map_or(work.rows, |plan| plan.window_rows);
        let idle = at_once.saturating_mul(lanes) < u64::from(caps.busy_threads);
        let worth = quads(work) >= min_chunk_quads(work, lanes).saturating_mul(2);
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
