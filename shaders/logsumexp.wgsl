// logsumexp of transformed logits: m + log s. NaN if the row has NaN, +inf if it has +inf, -inf if it has nothing else.
// Needs: params.wgsl, words.wgsl, numerics.wgsl, row_state.wgsl, stats_row.wgsl.

struct Finish {
    logsumexp: f32,
}

fn skips(row: u32) -> bool {
    return false;
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    return Finish(logsumexp_of(stats, log1p(others_of(stats))));
}

fn write_row(row: u32, stats: Stats, finish: Finish) {
    put_row(params.lse, row, bitcast<u32>(finish.logsumexp));
}
