//! Plans for adapters that are not here: which strategy a shape gets, and what holds of every plan. No GPU.

use Strategy::{Held, SplitSubgroup, SplitThread, SplitWorkgroup, Subgroup, Thread, Tile, Workgroup};
use wgpu::{AdapterInfo, Backend, DeviceType, Features, Limits};
use wgpu_xent::{Avoid, Caps, Error, Plan, Storage, Strategy, Work};

#[path = "../fuzz/src/draw.rs"]
#[expect(dead_code, reason = "other targets draw floats")]
mod draw;
#[path = "../fuzz/src/plan.rs"]
pub(crate) mod fuzzed;
#[cfg(test)]
#[path = "../fuzz/src/replay.rs"]
mod replay;

/// Bytes of a chunk's statistics, at most.
const STATS_BYTES: u64 = 60;

/// An adapter that has subgroups of these sizes, if of any.
fn caps(device_type: DeviceType, subgroup: Option<(u32, u32)>, change: impl FnOnce(&mut Limits)) -> Caps {
    let mut info = AdapterInfo::new(device_type, Backend::Vulkan);
    (info.subgroup_min_size, info.subgroup_max_size) = subgroup.unwrap_or((0, 0));
    let mut limits = Limits::defaults();
    change(&mut limits);
    Caps::of(&info, if subgroup.is_some() { Features::SUBGROUP } else { Features::empty() }, &limits)
}

fn threads(limits: &mut Limits, threads: u32) {
    limits.max_compute_invocations_per_workgroup = threads;
    limits.max_compute_workgroup_size_x = threads;
}

fn memory(limits: &mut Limits, binding: u64, buffer: u64, alignment: u32) {
    limits.max_storage_buffer_binding_size = binding;
    limits.max_buffer_size = buffer;
    limits.min_storage_buffer_offset_alignment = alignment;
}

fn mesa(subgroup: Option<(u32, u32)>) -> Caps {
    caps(DeviceType::Cpu, subgroup, |l| {
        threads(l, 1024);
        memory(l, 128 << 20, (1 << 31) - 1, 32);
    })
    .avoiding(&[Avoid::LoopTrips(65_000)])
}

fn lavapipe() -> Caps {
    mesa(Some((8, 8)))
}

fn gl() -> Caps {
    mesa(None)
}

fn swiftshader() -> Caps {
    caps(DeviceType::Cpu, Some((4, 4)), |l| memory(l, 1 << 30, 1 << 30, 256))
}

fn nvidia() -> Caps {
    caps(DeviceType::DiscreteGpu, Some((32, 32)), |l| {
        threads(l, 1024);
        memory(l, (1 << 31) - 4, 1 << 40, 16);
    })
}

/// Adapters for what must hold on any: the known ones, and what makes arithmetic fail.
fn adapters() -> Vec<(&'static str, Caps)> {
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

fn plan(rows: u64, classes: u64, caps: &Caps, forced: Option<Strategy>) -> wgpu_xent::Result<Plan> {
    Plan::new(&Work::dense(rows, classes, Storage::F32, true), caps, forced)
}

/// The work of the kernels over a vector of targets or losses.
fn vector(words: u64) -> Work {
    let mut work = Work::dense(1, words, Storage::F32, false);
    work.subgroups = false;
    work
}

#[test]
fn strategies_of_known_adapters() {
    let adapters = [lavapipe(), gl(), swiftshader(), nvidia()];
    // rows, classes, then lavapipe, Mesa's GL, SwiftShader, NVIDIA.
    let table = [
        (65_536, 10, [Thread, Thread, Thread, Tile]),
        (16_384, 128, [Thread, Thread, Thread, Subgroup]),
        (4096, 1000, [Thread, Thread, Thread, Subgroup]),
        (1024, 32_000, [Subgroup, Thread, Subgroup, Held]),
        (256, 128_256, [Subgroup, Thread, Subgroup, Held]),
        (8, 262_144, [SplitSubgroup, SplitThread, SplitSubgroup, SplitWorkgroup]),
        (1, 1_000_000, [SplitSubgroup, SplitThread, SplitSubgroup, SplitWorkgroup]),
        (1_000_003, 10, [Thread, Thread, Thread, Tile]),
        (65_537, 33, [Thread, Thread, Thread, Subgroup]),
        (300, 128_256, [Subgroup, Thread, Subgroup, Held]),
    ];
    for (rows, classes, expected) in table {
        for elements in [false, true] {
            let work = Work::dense(rows, classes, Storage::F32, elements);
            let got = adapters.each_ref().map(|caps| Plan::new(&work, caps, None).unwrap().strategy);
            // What is read only once has no use for keeping it.
            let expected = expected.map(|strategy| if strategy == Held && !elements { Workgroup } else { strategy });
            assert_eq!(got, expected, "{rows} x {classes}, elements {elements}");
        }
    }
}

#[test]
fn widths_and_chunks_of_known_adapters() {
    let show = |rows, classes, caps: &Caps| plan(rows, classes, caps, None).unwrap().to_string();
    assert_eq!(show(65_536, 10, &lavapipe()), "thread 32x32, 1 window(s) of 65536 rows, grid 2048x1");
    // 131,072,000 bytes fit in one binding of 128 MiB, 256 rows of 513,024 do not.
    assert_eq!(show(1024, 32_000, &lavapipe()), "subgroup 8x1, 1 window(s) of 1024 rows, grid 1024x1");
    assert_eq!(show(300, 128_256, &lavapipe()), "subgroup 8x1, 2 window(s) of 261 rows, grid 261x1");
    // 64 subgroups of 4 lanes keep 256 threads busy.
    assert_eq!(show(1, 1_000_000, &swiftshader()), "split-subgroup 4x1, 64 chunks of 3907 quads, 1 window(s) of 1 rows, grid 64x1");
    assert_eq!(show(1, 1_000_000, &gl()), "split-thread 32x32, 256 chunks of 977 quads, 1 window(s) of 1 rows, grid 8x1");
    assert_eq!(show(65_537, 10, &nvidia()), "tile 64x64, 1024 words a tile, 1 window(s) of 65537 rows, grid 1025x1");
    assert_eq!(show(65_537, 33, &nvidia()), "subgroup 128x4, 1 window(s) of 65537 rows, grid 16385x1");
    assert_eq!(show(256, 128_256, &nvidia()), "held 512x1, 4 blocks held, 1 window(s) of 256 rows, grid 256x1");
    assert_eq!(show(4096, 2000, &nvidia()), "held 32x1, 3 blocks held, 1 window(s) of 4096 rows, grid 4096x1");
    let loss = Plan::new(&Work::dense(256, 128_256, Storage::F32, false), &nvidia(), None).unwrap();
    assert_eq!(loss.to_string(), "workgroup 256x1, 1 window(s) of 256 rows, grid 256x1");
    assert_eq!(show(8, 262_144, &nvidia()), "split-workgroup 256x1, 32 chunks of 2048 quads, 1 window(s) of 8 rows, grid 256x1");
}

#[test]
fn a_large_grid_is_folded() {
    let table = [
        (65_534, (65_534, 1)),
        (65_535, (65_535, 1)),
        (65_536, (32_768, 2)),
        (65_537, (32_769, 2)),
        (131_070, (65_535, 2)),
        (131_071, (43_691, 3)),
        (131_072, (43_691, 3)),
    ];
    for (groups, grid) in table {
        // A group serves one row, or 64, of which the last group's is one.
        assert_eq!(plan(groups, 100, &nvidia(), Some(Workgroup)).unwrap().grid, grid, "{groups} groups of a row");
        assert_eq!(plan(groups * 64 - 63, 10, &nvidia(), Some(Thread)).unwrap().grid, grid, "{groups} groups of 64 rows");
        // Chunks are folded like rows.
        let mut caps = nvidia();
        caps.busy_threads = 2 * 256 * groups as u32;
        let split = plan(groups, 4096, &caps, Some(SplitWorkgroup)).unwrap();
        assert_eq!(split.chunks, 2);
        assert!(u64::from(split.grid.0) * u64::from(split.grid.1) >= split.window_rows * 2 && split.grid.0 <= 65_535);
    }
}

#[test]
fn too_large_is_told_with_numbers() {
    let too_large = |result: wgpu_xent::Result<Plan>| match result {
        Err(Error::TooLarge { what, needed, unit, limit, .. }) => (what, needed, unit, limit),
        other => panic!("{other:?}"),
    };
    // 128 MiB less the alignment of 32 and a quad of 16 bytes.
    let limit = (128 << 20) - 48;
    assert_eq!(plan(1, limit / 4, &lavapipe(), None).unwrap().window_rows, 1);
    for forced in Strategy::ALL.map(Some).into_iter().chain([None]) {
        let result = plan(7, limit / 4 + 1, &lavapipe(), forced);
        assert_eq!(too_large(result), ("one row", limit + 4, "bytes", limit), "{forced:?}");
    }
    // A stride counts, even where the classes are few.
    let mut strided = Work::dense(7, 10, Storage::F32, true);
    strided.block_bytes = limit + 4;
    assert_eq!(too_large(Plan::new(&strided, &lavapipe(), None)), ("one row", limit + 4, "bytes", limit));
    // The smaller of binding and buffer counts.
    assert_eq!(too_large(plan(1, 1 << 28, &swiftshader(), None)).3, (1 << 30) - 272);

    let most = u64::from(u32::MAX) - 1;
    assert!(plan(most, 1, &lavapipe(), None).is_ok());
    assert_eq!(too_large(plan(most + 1, 1, &lavapipe(), None)), ("the call", most + 1, "rows", most));
    assert!(matches!(plan(1, 1 << 62, &lavapipe(), None), Err(Error::TooLarge { .. })), "no overflow on the way");
    assert!(matches!(plan(u64::MAX, 1, &lavapipe(), None), Err(Error::TooLarge { .. })), "no overflow on the way");
}

/// The reason why a forced strategy is refused.
fn refusal(result: wgpu_xent::Result<Plan>) -> (String, u64, u64, String) {
    match result {
        Err(Error::Strategy { strategy, rows, classes, reason }) => (strategy, rows, classes, reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_forced_strategy_that_cannot_run_is_refused() {
    let reason = "there is no variant with subgroup operations for this adapter and operation";
    for (strategy, name) in [(Subgroup, "subgroup"), (SplitSubgroup, "split-subgroup")] {
        assert_eq!(refusal(plan(5, 33, &gl(), Some(strategy))), (name.into(), 5, 33, reason.into()));
        assert_eq!(refusal(Plan::new(&vector(33), &lavapipe(), Some(strategy))), (name.into(), 1, 33, reason.into()));
    }

    // One thread would go more than 125,000 times around, 16 classes a time.
    let work = Work::dense(3, 2_000_000, Storage::F32, false);
    for caps in [lavapipe(), gl(), swiftshader().avoiding(&[Avoid::LoopTrips(65_000)])] {
        let (strategy, rows, classes, reason) = refusal(Plan::new(&work, &caps, Some(Thread)));
        assert_eq!((strategy.as_str(), rows, classes), ("thread", 3, 2_000_000));
        let numbers: Vec<u64> = reason.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
        assert!(matches!(numbers[..], [125_000..125_100, 65_000]), "{reason}");
        assert!(Plan::new(&work, &caps, None).unwrap().strategy.is_split());
    }
    assert_eq!(Plan::new(&work, &nvidia(), Some(Thread)).unwrap().strategy, Thread, "a GPU ends no loops");
}

/// Rows are enough to keep the adapter busy, but a row is too long for a thread: then it is split all the same.
#[test]
fn long_rows_are_split_though_there_are_many() {
    let plan = plan(300, 1_500_000, &gl(), None).unwrap();
    assert_eq!((plan.strategy, plan.chunks), (SplitThread, 12));
}

/// Whatever a binding holds, the number of bad targets and the sum of losses can be found, also without subgroups.
#[test]
fn a_vector_has_a_plan() {
    for (name, caps) in [("lavapipe", lavapipe()), ("GL", gl()), ("SwiftShader", swiftshader()), ("NVIDIA", nvidia())] {
        // 2^27 is what summary.rs asks for at most.
        let most = ((caps.max_binding - caps.alignment - 16) / 4).min(1 << 27);
        for words in [1, 4092, 4093, 1_000_000, 12_500_000, 13_000_000, 16_000_000, 20_000_000, most] {
            let plan = Plan::new(&vector(words), &caps, None).unwrap_or_else(|e| panic!("{name}, {words}: {e}"));
            assert_eq!((plan.windows, plan.strategy.is_split()), (1, words > 4092), "{name}, {words}: {plan}");
        }
    }
}

/// The works and adapters that the fuzzer found worth keeping.
#[test]
fn every_fuzzed_plan_can_be_run() {
    replay::replay("plan", fuzzed::run);
}

#[test]
fn every_plan_can_be_run() {
    const ROWS: [u64; 18] = [
        1, 2, 3, 7, 31, 255, 256, 257, 4095, 65_535, 65_536, 65_537, 1_000_003, 16_777_216, 2147483648, 4000000000, 4294967293, 4294967294,
    ];
    const CLASSES: [u64; 22] = [
        1, 2, 3, 4, 5, 31, 32, 33, 127, 1000, 1024, 1025, 4096, 4097, 32_000, 50_257, 131_072, 262_144, 1_000_000, 2_000_000, 16_777_216,
        33_554_432,
    ];
    let mut planned = 0;
    for (name, caps) in adapters() {
        for rows in ROWS {
            for classes in CLASSES {
                // Dense, one element between rows, and rows a megabyte apart.
                for block_bytes in [classes * 4, classes * 4 + 4, classes * 4 + (1 << 20)] {
                    for bits in 0..8 {
                        let mut work = Work::dense(rows, classes, Storage::F32, bits & 1 == 0);
                        work.block_bytes = block_bytes;
                        work.subgroups = bits & 2 == 0;
                        work.window_bytes = if bits & 4 == 0 { u64::MAX } else { 64 << 20 };
                        for forced in Strategy::ALL.map(Some).into_iter().chain([None]) {
                            planned += 1;
                            let result = Plan::new(&work, &caps, forced);
                            check(&work, &caps, forced, &result)
                                .unwrap_or_else(|e| panic!("{name}, {work:?}, {forced:?}: {e}: {result:?}"));
                        }
                    }
                }
            }
        }
    }
    assert_eq!(planned, 10 * 18 * 22 * 3 * 8 * 9);
}

/// Leaves with the text of the first condition that does not hold.
macro_rules! hold {
    ($($condition:expr),* $(,)?) => {{ $(if !$condition { return Err(stringify!($condition)); })* }};
}

fn wide(value: impl Into<u128>) -> u128 {
    value.into()
}

/// What holds of every plan, or of the error in its place. In 128 bits, so that the check itself cannot overflow.
fn check(work: &Work, caps: &Caps, forced: Option<Strategy>, result: &wgpu_xent::Result<Plan>) -> Result<(), &'static str> {
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

/// Where textures are read faster, windows of 16 MiB go through one; a row that no texture holds does not.
#[test]
fn windows_through_a_texture() {
    let mut mesa = lavapipe();
    (mesa.texture_classes, mesa.max_texture) = (u64::MAX, 16_384);
    let mut work = Work::dense(1024, 32_000, Storage::F32, true);
    work.can_copy = true;
    let show = |work: &Work, caps: &Caps| Plan::new(work, caps, None).unwrap().to_string();
    assert_eq!(show(&work, &mesa), "subgroup 8x1, 8 window(s) of 131 rows, grid 131x1, through a texture");
    // A row above 16 MiB is a window of its own.
    (work.rows, work.classes, work.block_bytes) = (3, 5_000_000, 20_000_000);
    assert_eq!(show(&work, &mesa), "split-subgroup 8x1, 32 chunks of 39063 quads, 3 window(s) of 1 rows, grid 32x1, through a texture");
    // 256 rows of 64 KiB are too few for it, and a side of 2048 is shorter than the rows of the texture.
    mesa.max_texture = 256;
    assert!(!Plan::new(&work, &mesa, None).unwrap().texture);
    mesa.max_texture = 2048;
    assert!(!Plan::new(&work, &mesa, None).unwrap().texture);
    for (texture_classes, can_copy) in [(0, true), (4_999_999, true), (u64::MAX, false)] {
        (mesa.texture_classes, mesa.max_texture, work.can_copy) = (texture_classes, 16_384, can_copy);
        let plan = Plan::new(&work, &mesa, None).unwrap();
        assert!(!plan.texture && plan.windows == 1, "{plan}");
    }
}

/// Statistics of the threads of a workgroup, or of its subgroups, fit the memory that they share.
#[test]
fn workgroups_fit_their_memory() {
    // A device with many threads and the memory that WebGPU promises: 273 times 60 bytes.
    let mut caps = nvidia();
    caps.max_workgroup_bytes = 16_384;
    assert_eq!(plan(256, 128_256, &caps, None).unwrap().workgroup, 512, "16 subgroups");
    caps.subgroup = None;
    let held = plan(256, 128_256, &caps, None).unwrap();
    assert_eq!((held.strategy, held.workgroup), (Held, 256));
    caps.max_workgroup_bytes = 512 * 60;
    assert_eq!(plan(256, 128_256, &caps, None).unwrap().workgroup, 512);
}

/// More elements than 32 bits count take windows, and every row is in one.
#[test]
fn more_than_four_billion_elements_take_windows() {
    for caps in [lavapipe(), nvidia()] {
        for (rows, classes) in [(100_000, 131_072), (4_000_000_000, 10), (4_294_967_294, 1)] {
            let plan = plan(rows, classes, &caps, None).unwrap();
            let least = (u128::from(rows) * u128::from(classes) * 4).div_ceil(u128::from(caps.max_binding));
            assert!(plan.windows >= 2 && u128::from(plan.windows) >= least, "{plan}");
            // The windows are as large as they can be, unless the statistics of a row take more than the row, or there are as many
            // rows as the vector kernels go through.
            let as_large = u128::from(plan.windows) <= least + least / 100 + 1 || plan.window_rows == 1 << 25;
            assert!(as_large || classes * 4 < STATS_BYTES, "small windows: {plan}");
            assert_eq!(plan.windows, rows.div_ceil(plan.window_rows));
        }
    }
}

fn blocked(blocks: u64, classes: u64, inner: u64) -> Work {
    let mut work = Work::dense(blocks * inner, classes, Storage::F32, true);
    work.inner = inner;
    work.block_bytes = classes * inner * 4;
    work
}

/// Rows whose classes lie apart: neighbouring threads serve neighbouring rows, and windows are whole blocks.
#[test]
fn blocks_stay_whole() {
    for caps in [lavapipe(), nvidia()] {
        for (blocks, classes, inner) in [(3, 21, 224 * 224), (1, 1000, 7), (100_000, 10, 36), (2, 262_144, 2)] {
            let work = blocked(blocks, classes, inner);
            let plan = Plan::new(&work, &caps, None).unwrap();
            assert!(matches!(plan.strategy, Thread | SplitThread), "{plan}");
            assert!(plan.window_rows.is_multiple_of(inner) && plan.window_rows >= inner, "{plan}");
            assert!(plan.window_rows / inner * work.block_bytes <= caps.max_binding, "{plan}");
        }
        // One block of rows that no binding holds, and one with more words than that.
        let work = blocked(1, 1024, 1 << 20);
        let error = Plan::new(&work, &caps, None).unwrap_err().to_string();
        assert!(error.starts_with("one block of rows needs 4294967296 bytes, more than the limit of"), "{error}");
    }
}

/// What decides the bits of a row: who shares it, in how many parts. Nothing where there is no plan.
fn sharing(work: &Work, caps: &Caps, forced: Option<Strategy>) -> Option<(Strategy, u32, u32, u32, u32, u32)> {
    let plan = Plan::new(work, caps, forced).ok()?;
    Some((plan.strategy, plan.workgroup, plan.items_per_group, plan.chunks, plan.chunk_quads, plan.held))
}

/// With batch invariance a row is shared in the same way whatever the rows, the windows, the stride and the words of a row. Without,
/// plans of the same shapes differ.
#[test]
fn batch_invariant_plans_do_not_depend_on_the_rows() {
    const ROWS: [u64; 13] = [1, 2, 3, 31, 32, 63, 64, 255, 256, 257, 4096, 65_537, 1_000_003];
    const CLASSES: [u64; 14] = [1, 10, 32, 33, 1000, 1024, 1025, 4096, 4097, 32_000, 128_256, 262_144, 1_000_000, 3_000_000];
    let mut dependent = 0;
    for (name, caps) in adapters() {
        let invariant = caps.clone().with_batch_invariance();
        for classes in CLASSES {
            for bits in 0..16 {
                let bit = |i: u32| bits >> i & 1 == 1;
                for forced in Strategy::ALL.map(Some).into_iter().chain([None]) {
                    let works = ROWS.into_iter().flat_map(|rows| {
                        let mut plain = Work::dense(rows, classes, Storage::F32, bit(0));
                        (plain.subgroups, plain.can_hold) = (bit(1), bit(2));
                        let mut other = plain;
                        (other.window_bytes, other.row_words, other.fixed_words) = (16 << 20, 9, 1000);
                        (other.can_copy, other.block_bytes) = (bit(3), classes * 4 + 12);
                        [plain, other]
                    });
                    let works: Vec<Work> = works.collect();
                    let of = |caps: &Caps| works.iter().map(|work| sharing(work, caps, forced)).collect::<Vec<_>>();
                    let got = of(&invariant);
                    assert!(got.iter().all(|plan| *plan == got[0]), "{name}, {classes} classes, {forced:?}: {got:?}");
                    let plain = of(&caps);
                    dependent += usize::from(plain.iter().any(|plan| *plan != plain[0]));
                }
            }
        }
    }
    assert!(dependent > 1000, "plans hardly depend on the rows anyway: {dependent}");
}

/// Batch-invariant plans are those of many rows; where a driver may choose the size of a subgroup, without them.
#[test]
fn batch_invariant_plans_of_known_adapters() {
    let show = |rows, classes, caps: Caps| plan(rows, classes, &caps.with_batch_invariance(), None).unwrap().to_string();
    assert_eq!(show(1, 1_000_000, lavapipe()), "subgroup 8x1, 1 window(s) of 1 rows, grid 1x1");
    assert_eq!(show(1, 1000, lavapipe()), "thread 32x32, 1 window(s) of 1 rows, grid 1x1");
    assert_eq!(show(1, 1_000_000, nvidia()), "held 512x1, 4 blocks held, 1 window(s) of 1 rows, grid 1x1");
    // More iterations than a thread's loops last for: a row is split all the same, into as few chunks as must be.
    assert_eq!(show(300, 1_500_000, gl()), "split-thread 32x32, 6 chunks of 62500 quads, 14 window(s) of 22 rows, grid 5x1");
    let intel = caps(DeviceType::IntegratedGpu, Some((8, 32)), |_| ());
    assert_eq!(plan(9, 1000, &intel, None).unwrap().strategy, Subgroup);
    assert_eq!(show(9, 1000, intel), "held 32x1, 1 blocks held, 1 window(s) of 9 rows, grid 9x1");
    for (rows, classes) in [(65_536, 10), (16_384, 128), (4096, 1000), (1024, 32_000)] {
        for caps in [lavapipe(), gl(), swiftshader(), nvidia()] {
            let invariant = plan(rows, classes, &caps.clone().with_batch_invariance(), None).unwrap();
            assert_eq!(invariant, plan(rows, classes, &caps, None).unwrap(), "{rows} x {classes}: many rows cost nothing");
        }
    }
}
