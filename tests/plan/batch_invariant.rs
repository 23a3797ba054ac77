//! Plans of `Gpu::with_batch_invariance`: a row is shared in the same way whatever comes with it.

use wgpu::DeviceType;
use wgpu_xent::{Caps, Plan, Storage, Strategy, Work};

use super::known::{adapters, caps, gl, lavapipe, nvidia, swiftshader};
use super::plan;

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
    assert_eq!(plan(9, 1000, &intel, None).unwrap().strategy, Strategy::Subgroup);
    assert_eq!(show(9, 1000, intel), "held 32x1, 1 blocks held, 1 window(s) of 9 rows, grid 9x1");
    for (rows, classes) in [(65_536, 10), (16_384, 128), (4096, 1000), (1024, 32_000)] {
        for caps in [lavapipe(), gl(), swiftshader(), nvidia()] {
            let invariant = plan(rows, classes, &caps.clone().with_batch_invariance(), None).unwrap();
            assert_eq!(invariant, plan(rows, classes, &caps, None).unwrap(), "{rows} x {classes}: many rows cost nothing");
        }
    }
}
