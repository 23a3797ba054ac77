//! Plans for any work on any adapter: an error with numbers, or a plan of which all holds that `super::check` asks.

use wgpu_xent::{Caps, Plan, Storage, Strategy, Work};

use super::draw::{Draw, check_message};

pub(crate) fn run(bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    let (mut work, mut caps) = (work(&mut draw), adapter(&mut draw));
    let forced = Strategy::ALL.get(draw.below(Strategy::ALL.len() + 4)).copied();
    // Half of the adapters and works are as such things are, the others as bytes fall.
    if draw.flag() {
        caps.subgroup = caps.subgroup.map(|(smallest, largest)| {
            let smallest = 1 << (smallest % 8);
            (smallest, smallest << (largest % 3))
        });
        caps.alignment = 1 << (caps.alignment % 10);
    }
    if draw.flag() {
        work.inner = work.inner.clamp(1, 1 << 20);
        work.rows = (work.rows % (1 << 24)).next_multiple_of(work.inner).max(work.inner);
        let row = work.classes.saturating_mul(work.inner).saturating_mul(work.storage.bytes() as u64);
        work.block_bytes = row.saturating_add(work.block_bytes % 4096 / 4 * 4);
        (work.row_words, work.fixed_words, work.quads_a_pass) = (work.row_words % 32, work.fixed_words % (1 << 20), [1, 4][draw.below(2)]);
    }
    if draw.flag() {
        (work.can_tile, caps.max_workgroup_bytes) = (draw.flag(), draw.word());
    }
    let result = Plan::new(&work, &caps, forced);
    if let Err(error) = &result {
        check_message(error);
    }
    super::check(&work, &caps, forced, &result).unwrap_or_else(|e| panic!("{work:?} on {caps:?}, {forced:?}: {e}: {result:?}"));
}

fn work(draw: &mut Draw<'_>) -> Work {
    let storage = [Storage::F32, Storage::F16, Storage::Bf16][draw.below(3)];
    let mut work = Work::dense(draw.number(), draw.number(), storage, draw.flag());
    (work.inner, work.block_bytes) = (draw.number(), draw.number());
    (work.row_words, work.fixed_words) = (draw.number(), draw.number());
    (work.quads_a_pass, work.window_bytes) = (draw.number(), draw.number());
    (work.subgroups, work.can_copy, work.can_hold) = (draw.flag(), draw.flag(), draw.flag());
    work
}

fn adapter(draw: &mut Draw<'_>) -> Caps {
    let mut caps = super::lavapipe();
    caps.cpu = draw.flag();
    caps.subgroup = draw.flag().then(|| (draw.word(), draw.word()));
    (caps.max_workgroup, caps.max_groups) = (draw.word(), draw.word());
    (caps.max_binding, caps.max_buffer, caps.alignment) = (draw.number(), draw.number(), draw.number());
    if draw.flag() {
        // Sizes as adapters have them.
        (caps.max_binding, caps.max_buffer) = (caps.max_binding.max(128 << 20), caps.max_buffer.max(256 << 20));
        (caps.max_workgroup, caps.max_groups) = (caps.max_workgroup.max(128), caps.max_groups.max(65_535));
    }
    (caps.max_loop_trips, caps.busy_threads) = (draw.word(), draw.word());
    (caps.max_texture, caps.texture_reads) = (draw.word(), draw.flag());
    caps
}
