// logsumexp of transformed logits: m + log s. NaN if the row has NaN, +inf if it has +inf, -inf if it has nothing else.
// And what log-probabilities are made of: m, NaN if the row has NaN, and log s, NaN where there are no log-probabilities.
// Needs: params.wgsl, words.wgsl, numerics.wgsl, row_state.wgsl, stats_row.wgsl.

struct Finish {
    logsumexp: f32,
    peak: f32,
    log_sum: f32,
}

fn skips(row: u32) -> bool {
    return false;
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    let log_sum = log1p(others_of(stats));
    let peak = select(stats.max, not_a_number(), has_nan(stats));
    let is_special = has_nan(stats) || has_infinity(stats) || stats.count == 0.0;
    return Finish(logsumexp_of(stats, log_sum), peak, select(log_sum, not_a_number(), is_special));
}

fn write_row(row: u32, stats: Stats, finish: Finish) {
    put_row(params.lse, row, bitcast<u32>(finish.logsumexp));
    put_row(params.peak, row, bitcast<u32>(finish.peak));
    put_row(params.log_sum, row, bitcast<u32>(finish.log_sum));
}
