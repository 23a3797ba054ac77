// log |sum b exp(z)| = m + log |s|, and the sign of the sum: 1, -1, or 0 where the sum is 0 and its logarithm -inf.
// NaN in a term, +inf of both signs, and a sum s beyond f32: NaN for both; +inf of one sign: +inf and that sign.
// Needs: params.wgsl, words.wgsl, numerics.wgsl, stats_signed.wgsl.

struct Finish {
    logsumexp: f32,
    sign: f32,
}

fn skips(row: u32) -> bool {
    return false;
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    let infinite = stats.flags & (TERM_POSITIVE | TERM_NEGATIVE);
    if (stats.flags & TERM_NAN) != 0u || infinite == (TERM_POSITIVE | TERM_NEGATIVE) {
        return Finish(not_a_number(), not_a_number());
    }
    if infinite != 0u {
        return Finish(special(POSITIVE_INFINITY_BITS), select(1.0, -1.0, infinite == TERM_NEGATIVE));
    }
    // Beyond f32, and below its normal numbers, which adapters may take for 0.
    let size = bitcast<u32>(stats.sum) & MAGNITUDE_BITS;
    if size >= POSITIVE_INFINITY_BITS {
        return Finish(not_a_number(), not_a_number());
    }
    if size < NORMAL_BITS {
        return Finish(negative_infinity(), 0.0);
    }
    return Finish(stats.max + log_from_one(abs(stats.sum)), sign(stats.sum));
}

fn write_row(row: u32, stats: Stats, finish: Finish) {
    put_row(params.lse, row, bitcast<u32>(finish.logsumexp));
    put_row(params.sign, row, bitcast<u32>(finish.sign));
}
