// One step of the search for the largest key at or above which a row has what is needed: three bits of it. The steps are 2^29, 2^26,
// .. 2^2, 1; a row that does not have what is needed ends with 0, at which everything is kept.
// Needs: params.wgsl, words.wgsl, wide.wgsl, stats_masses.wgsl; needed.

const FIRST_STEP: u32 = 0x20000000u;

struct Finish {
    unused: u32,
}

fn skips(row: u32) -> bool {
    return false;
}

fn base_of(row: u32) -> u32 {
    if params.step == FIRST_STEP {
        return 0u;
    }
    return words[params.threshold + row];
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    return Finish(0u);
}

// Not in finish_row(), which other lanes may still be in when this writes.
fn write_row(row: u32, stats: Stats, finish: Finish) {
    let need = needed(row);
    var steps = select(0u, 1u, is_at_least(stats.from_1, need));
    steps += select(0u, 1u, is_at_least(stats.from_2, need));
    steps += select(0u, 1u, is_at_least(stats.from_3, need));
    steps += select(0u, 1u, is_at_least(stats.from_4, need));
    steps += select(0u, 1u, is_at_least(stats.from_5, need));
    steps += select(0u, 1u, is_at_least(stats.from_6, need));
    steps += select(0u, 1u, is_at_least(stats.from_7, need));
    put_row(params.threshold, row, base_of(row) + steps * params.step);
}
