// The state of each row, and nothing else: for pieces of a vocabulary.
// Needs: row_state.wgsl, stats_row.wgsl, target.wgsl, state_out.wgsl.

struct Finish {
    unused: u32,
}

fn skips(row: u32) -> bool {
    return false;
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    return Finish(0u);
}

fn write_row(row: u32, stats: Stats, finish: Finish) {
    keep_state(row, stats);
}
