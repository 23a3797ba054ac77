// What log-probabilities are made of: the largest logit and log sum exp(z - max z) of each row. The sum is NaN where there are no
// log-probabilities, and so is the largest logit of a row with NaN.
// Needs: params.wgsl, words.wgsl, numerics.wgsl, row_state.wgsl, stats_row.wgsl.

struct Finish {
    peak: f32,
    log_sum: f32,
}

fn skips(row: u32) -> bool {
    return false;
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    if has_nan(stats) {
        return Finish(not_a_number(), not_a_number());
    }
    if has_infinity(stats) || stats.count == 0.0 {
        return Finish(stats.max, not_a_number());
    }
    return Finish(stats.max, log1p(others_of(stats)));
}

fn write_row(row: u32, stats: Stats, finish: Finish) {
    put_row(params.peak, row, bitcast<u32>(finish.peak));
    put_row(params.log_sum, row, bitcast<u32>(finish.log_sum));
}
