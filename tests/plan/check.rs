//! What holds of every plan, from the shape and the adapter's numbers alone.

use Strategy::{Held, SplitSubgroup, SplitThread, SplitWorkgroup, Subgroup, Thread, Tile, Workgroup};
use wgpu_xent::{Caps, Error, Plan, Strategy, Work};

use super::{MAX_WINDOW_ROWS, STATS_BYTES};

/// Leaves with the text of the first condition that does not hold.
macro_rules! hold {
    ($($condition:expr),* $(,)?) => {{ $(if !$condition { return Err(stringify!($condition)); })* }};
}

fn wide(value: impl Into<u128>) -> u128 {
    value.into()
}

/// What holds of every plan, or of the error in its place. In 128 bits, so that the check itself cannot overflow.
pub(crate) fn check(work: &Work, caps: &Caps, forced: Option<Strategy>, result: &wgpu_xent::Result<Plan>) -> Result<(), &'static str> {
    let room = caps.max_binding.min(caps.max_buffer).min(u64::from(u32::MAX)).saturating_sub(caps.alignment.saturating_add(16));
    let subgroups = caps.subgroup.filter(|_| work.subgroups);
    let words = wide(work.row_words.max(1)) * wide(work.inner) + wide(work.fixed_words);
    let numbers = work.inner > 0 && work.rows.is_multiple_of(work.inner) && work.quads_a_pass > 0;
    let numbers = numbers && caps.subgroup.is_none_or(|(smallest, largest)| smallest > 0 && smallest <= largest);
    let plan = match result {
        Ok(plan) => plan,
        Err(Error::TooLarge { needed, limit, .. }) => {
            let most = u64::from(u32::MAX) - 1;
            let sizes = [work.block_bytes.max(4).into(), words.saturating_mul(4)].map(|bytes| (bytes, room));
            let numbers = [(work.rows, most), (work.classes, most), (work.inner, 1 << 25)].map(|(needed, limit)| (needed.into(), limit));
            let groups = (1, u64::from(caps.max_groups.min(caps.max_workgroup)));
            let told = |&(size, most): &(u128, u64)| size > most.into() && size.min(u64::MAX.into()) == wide(*needed) && most == *limit;
            hold!(sizes.iter().chain(&numbers).chain([&groups]).any(told));
            return Ok(());
        }
        Err(Error::Strategy { reason, .. }) => {
            let wants_subgroups = matches!(forced, Some(Subgroup | SplitSubgroup));
            // Of adapters that end loops so soon, the loops over lanes and chunks count too; a kernel that takes in less than a block
            // with a pass takes more of them.
            let soon = caps.max_loop_trips < 1024;
            let slow = work.quads_a_pass < 4;
            let reach = work.classes / 4 * if slow { 2 } else { 1 };
            let long = soon || reach > u64::from(caps.max_loop_trips);
            let refused = wants_subgroups && subgroups.is_none() && reason.contains("subgroup operations");
            let too_long = long && reason.contains(&format!("the limit is {}", caps.max_loop_trips));
            let items = wide(work.inner) * 256;
            let many = items * wide(STATS_BYTES) > room.into() || items > wide(caps.max_groups).pow(2);
            let too_many = many && reason.contains("do not fit a binding, or as many items a grid");
            // Unforced, only 256 chunks that are each too long for a thread are left.
            let none_left = soon || slow || many || work.classes / 8 / 256 > u64::from(caps.max_loop_trips);
            let little = u64::from(caps.max_workgroup_bytes) < STATS_BYTES;
            let too_little = little && reason.contains("bytes of a workgroup's memory");
            hold!(refused || too_long || too_many || too_little, forced.is_some() || none_left || little);
            return Ok(());
        }
        Err(Error::Value { .. }) => {
            hold!(!numbers);
            return Ok(());
        }
        Err(_) => return Err("another error"),
    };
    hold!(numbers, work.classes < u64::from(u32::MAX), work.rows < u64::from(u32::MAX));
    if work.rows == 0 {
        hold!(plan.windows == 0);
        return Ok(());
    }
    hold!(work.block_bytes <= room, forced.is_none_or(|f| f == plan.strategy));

    // The row's chunks: they cover it, and none is empty.
    let (quads, chunks, chunk_quads) = (wide(work.classes.div_ceil(4)), wide(plan.chunks), wide(plan.chunk_quads));
    hold!(chunks * chunk_quads >= quads, (chunks - 1) * chunk_quads < quads.max(1), plan.strategy.is_split() || chunks == 1, chunks <= 256);

    // A tile holds all rows of a workgroup, with a word between those of an even number of classes; it starts with a quad.
    let words = wide(plan.workgroup) * wide(work.classes | 1);
    hold!(plan.tile == 0 || plan.strategy == Tile && work.can_tile && work.inner == 1, plan.tile == 0 || wide(plan.tile) >= words);
    hold!(wide(plan.tile) * 4 <= wide(caps.max_workgroup_bytes), plan.tile == 0 || plan.workgroup.is_multiple_of(4));
    let fits = work.can_tile && work.inner == 1 && work.classes <= 63 && plan.workgroup >= 4 && caps.max_workgroup_bytes >= 16_384;
    hold!(plan.strategy != Tile || plan.tile > 0 || !fits);

    // What a thread keeps is within the row.
    let kept = wide(plan.held) * 16 * wide(plan.workgroup);
    hold!(plan.held <= 4, kept <= wide(work.classes), plan.held == 0 || plan.strategy == Held && work.elements && work.can_hold);

    // The windows: they cover the rows, each can be bound whatever its offset, and indices fit 32 bits.
    let (rows, window) = (wide(work.rows), wide(plan.window_rows));
    let windows = wide(plan.windows);
    hold!(plan.window_rows <= MAX_WINDOW_ROWS);
    hold!(windows * window >= rows, (windows - 1) * window < rows, window <= rows, plan.window_rows.is_multiple_of(work.inner));
    let blocks = window / wide(work.inner);
    let bytes = blocks * wide(work.block_bytes) + wide(caps.alignment) + 16;
    hold!(bytes <= wide(caps.max_binding), bytes <= wide(caps.max_buffer), bytes / 4 < 1 << 32);
    hold!(blocks == 1 || blocks * wide(work.block_bytes) <= wide(work.window_bytes));
    hold!((window * wide(work.row_words) + wide(work.fixed_words)) * 4 <= room.into());
    let partials = if plan.strategy.is_split() { window * chunks * wide(STATS_BYTES) } else { 0 };
    hold!(partials <= wide(caps.max_binding));

    // The grid: it covers the items, and no thread's item number wraps around.
    let (items, per_group) = (window * chunks, wide(plan.items_per_group));
    let (x, y) = (wide(plan.grid.0), wide(plan.grid.1));
    hold!(x * y * per_group >= items, x <= wide(caps.max_groups), y <= wide(caps.max_groups), (y - 1) * x * per_group < items);
    hold!(items <= wide(u32::MAX), x * y * per_group <= 1 << 32);

    // The group.
    let sharers = match (plan.strategy, subgroups) {
        (Workgroup | Held | SplitWorkgroup, Some((smallest, _))) => plan.workgroup.div_ceil(smallest),
        (Workgroup | Held | SplitWorkgroup, None) => plan.workgroup,
        _ => 0,
    };
    hold!(u64::from(sharers) * STATS_BYTES <= u64::from(caps.max_workgroup_bytes));
    hold!(plan.workgroup >= 1, plan.workgroup <= caps.max_workgroup, u64::from(caps.max_loop_trips) >= plan.loop_trips);
    match (plan.strategy, subgroups) {
        (Thread | Tile | SplitThread, _) => hold!(plan.items_per_group == plan.workgroup, plan.workgroup.is_power_of_two()),
        (Workgroup | Held | SplitWorkgroup, _) => hold!(plan.items_per_group == 1, plan.workgroup.is_power_of_two()),
        (_, Some((_, largest))) => {
            let full = largest.min(caps.max_workgroup);
            hold!(plan.workgroup.is_multiple_of(full), plan.items_per_group * full == plan.workgroup);
        }
        _ => return Err("subgroups where there are none"),
    }
    let lanes = match (plan.strategy, subgroups) {
        (Workgroup | Held | SplitWorkgroup, _) => plan.workgroup,
        (Subgroup | SplitSubgroup, Some((smallest, _))) => smallest,
        _ => 1,
    };
    // A kernel that takes in more quads with a pass has other loops.
    hold!(work.quads_a_pass > 4 || passes(work, plan, u64::from(lanes)) <= plan.loop_trips);
    Ok(())
}

/// Passes through loops of the thread with the most, each loop's last, which only ends it, included: the loops of the WGSL
/// parts, walked through as they are written.
fn passes(work: &Work, plan: &Plan, lanes: u64) -> u64 {
    let (quads, full) = (work.classes.div_ceil(4), work.classes / 4);
    let span = |first: u64, end: u64, lane: u64| {
        let full = end.min(full);
        let mut quad = first + lane;
        // `for (; quad + 3u * lanes < full; quad += 4u * lanes)`, without walking.
        let blocks = full.saturating_sub(quad + 3 * lanes).div_ceil(4 * lanes);
        quad += blocks * 4 * lanes;
        // `for (; quad < end; quad += lanes)`
        let singles = end.saturating_sub(quad).div_ceil(lanes);
        blocks + 1 + singles + 1
    };
    let chunk_quads = u64::from(plan.chunk_quads);
    let last = u64::from(plan.chunks) - 1;
    let spans = [0, last].into_iter().flat_map(|c| [0, lanes - 1].map(|lane| (c * chunk_quads, lane)));
    let span = spans.map(|(first, lane)| span(first, (first + chunk_quads).min(quads), lane)).max().unwrap_or(0);
    let find_best = 4 + 1;
    let tree = if matches!(plan.strategy, Workgroup | Held | SplitWorkgroup) { u64::from(plan.workgroup.ilog2()) + 1 } else { 0 };
    let writes = if work.elements { span } else { 0 };
    // `for (var i = 4u * lane; i < elements; i += 4u * lanes)`, with the elements of the last quad, before and after.
    let tile = if plan.tile > 0 { 2 * (work.classes.div_ceil(4) + 1 + 3 + 1) } else { 0 };
    let merges = u64::from(plan.chunks).div_ceil(lanes) + 1;
    if plan.strategy.is_split() { tree + (span + find_best).max(merges + writes) } else { tree + span + find_best + writes + tile }
}
