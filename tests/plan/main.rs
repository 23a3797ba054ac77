//! Plans for adapters that are not here: which strategy a shape gets, and what holds of every plan. No GPU.

mod batch_invariant;
mod check;
mod known;

use Strategy::{Held, SplitSubgroup, SplitThread, SplitWorkgroup, Subgroup, Thread, Tile, Workgroup};
use check::check;
use known::{adapters, gl, lavapipe, nvidia, swiftshader, with_cores};
use wgpu_xent::{Avoid, Caps, Error, Plan, Storage, Strategy, Work};

#[path = "../../fuzz/src/draw.rs"]
#[expect(dead_code, reason = "other targets draw floats")]
mod draw;
#[path = "../../fuzz/src/plan.rs"]
pub(crate) mod fuzzed;
#[cfg(test)]
#[path = "../../fuzz/src/replay.rs"]
mod replay;

/// Bytes of a chunk's statistics, at most.
const STATS_BYTES: u64 = 60;

/// The rows that kernels over a vector of losses or targets go through, at most.
const MAX_WINDOW_ROWS: u64 = 1 << 25;

fn plan(rows: u64, classes: u64, caps: &Caps, forced: Option<Strategy>) -> wgpu_xent::Result<Plan> {
    Plan::new(&Work::dense(rows, classes, Storage::F32, true), caps, forced)
}

/// The work of the kernels over a vector of targets or losses.
fn vector(words: u64) -> Work {
    let mut work = Work::dense(1, words, Storage::F32, false);
    (work.subgroups, work.quads_a_pass, work.can_tile) = (false, 1, false);
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

/// A thread a row as soon as each core has a workgroup of them; fewer rows are shared.
#[test]
fn few_rows_are_shared_among_the_cores() {
    for cores in [1, 2, 16, 64] {
        let mut caps = lavapipe();
        caps.busy_threads = with_cores(cores);
        let enough = 32 * u64::from(cores);
        for classes in [33, 1000, 4096] {
            assert_eq!(plan(enough, classes, &caps, None).unwrap().strategy, Thread, "{cores} cores, {classes} classes");
            assert_eq!(plan(enough - 1, classes, &caps, None).unwrap().strategy, Subgroup, "{cores} cores, {classes} classes");
        }
        assert_eq!(plan(1, 32, &caps, None).unwrap().strategy, Thread, "{cores} cores");
        assert_eq!(plan(1, 1_000_000, &caps, None).unwrap().chunks, (4 * cores).max(2), "{cores} cores");
    }
    let of_this_machine = std::thread::available_parallelism().unwrap().get() as u32;
    let info = wgpu::AdapterInfo::new(wgpu::DeviceType::Cpu, wgpu::Backend::Vulkan);
    let caps = Caps::of(&info, wgpu::Features::empty(), &wgpu::Limits::defaults());
    assert_eq!(caps.busy_threads, with_cores(of_this_machine));
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
        let most = ((caps.max_binding - caps.alignment - 16) / 4).min(MAX_WINDOW_ROWS);
        // Two chunks of 128 quads for a thread, of 512 for a workgroup.
        let whole = if caps.cpu { 1020 } else { 4092 };
        for words in [1, whole, whole + 1, 1_000_000, 12_500_000, 13_000_000, 16_000_000, 20_000_000, most] {
            let plan = Plan::new(&vector(words), &caps, None).unwrap_or_else(|e| panic!("{name}, {words}: {e}"));
            assert_eq!((plan.windows, plan.strategy.is_split()), (1, words > whole), "{name}, {words}: {plan}");
        }
    }
    // Work for more than one core.
    let plan = Plan::new(&vector(65_536), &lavapipe(), None).unwrap();
    assert_eq!((plan.strategy, plan.chunks, plan.chunk_quads, plan.grid), (SplitThread, 128, 128, (4, 1)), "{plan}");
    // Any number of quads a pass has a plan.
    let mut slow = Work::dense(1, 8, Storage::F32, false);
    slow.quads_a_pass = u64::MAX;
    assert_eq!(Plan::new(&slow, &lavapipe(), None).unwrap().chunks, 1);
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

/// Where textures are read faster, windows of 16 MiB go through one; a row that no texture holds does not.
#[test]
fn windows_through_a_texture() {
    let mut mesa = lavapipe();
    (mesa.texture_reads, mesa.max_texture) = (true, 16_384);
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
    for (texture_reads, can_copy) in [(false, true), (true, false)] {
        (mesa.texture_reads, mesa.max_texture, work.can_copy) = (texture_reads, 16_384, can_copy);
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
            let as_large = u128::from(plan.windows) <= least + least / 100 + 1 || plan.window_rows == MAX_WINDOW_ROWS;
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
