// logsumexp = m + log s. NaN if the row has NaN, +inf if it has +inf, -inf if it has nothing else.
// Needs: params.wgsl, numerics.wgsl, stats_exp.wgsl, row_out.wgsl.

const LEAVES_OUT: bool = false;

struct Finish {
    logsumexp: f32,
}

fn left_out_class(row: u32) -> u32 {
    return NONE;
}

fn skips(row: u32) -> bool {
    return false;
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    if stats.magnitude > POSITIVE_INFINITY_BITS {
        return Finish(not_a_number());
    }
    if bitcast<u32>(stats.max) == POSITIVE_INFINITY_BITS {
        return Finish(special(POSITIVE_INFINITY_BITS));
    }
    if stats.sum == 0.0 {
        return Finish(negative_infinity());
    }
    return Finish(stats.max + log_from_one(stats.sum));
}

fn write_row(row: u32, finish: Finish) {
    put_row(params.lse_start, row, bitcast<u32>(finish.logsumexp));
}
