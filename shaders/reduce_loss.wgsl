// Adds a window's row losses to the summary: loss = sum of row losses, over the denominator if it is their mean.
// Needs: params.wgsl, vector.wgsl, numerics.wgsl, stats_loss.wgsl, summary.wgsl.

fn write_row(row: u32, stats: Stats, finish: Finish) {
    let sum = add(Sum(summary.loss_sum, summary.loss_low), stats.sum);
    let flags = summary.loss_flags | stats.flags;
    summary.loss_sum = sum.value;
    summary.loss_low = sum.low;
    summary.loss_flags = flags;
    summary.correct += stats.correct;
    summary.correct_top_k += stats.correct_top_k;
    if summary.nan == 0u {
        summary.nan_row = params.row_base + stats.nan_row;
    }
    if summary.infinite == 0u {
        summary.infinite_row = params.row_base + stats.infinite_row;
    }
    if summary.masked == 0u {
        summary.masked_row = params.row_base + stats.masked_row;
    }
    summary.nan += stats.nan;
    summary.infinite += stats.infinite;
    summary.masked += stats.masked;
    summary.loss = reduced(sum, flags);
}

fn reduced(sum: Sum, flags: u32) -> f32 {
    let empty_mean = params.mean == 1u && summary.denominator == 0.0;
    if empty_mean {
        return select(not_a_number(), 0.0, params.empty_zero == 1u);
    }
    if (flags & HAS_NAN) != 0u || (flags & (HAS_POSITIVE | HAS_NEGATIVE)) == (HAS_POSITIVE | HAS_NEGATIVE) {
        return not_a_number();
    }
    var loss = value_of(sum);
    if params.mean == 1u {
        loss /= summary.denominator;
    }
    // The sign of infinite losses, whatever the others add up to, or that of a sum that overflowed; over a negative denominator the other.
    if flags != 0u || !is_finite(loss) {
        let negative = select(sum.value < 0.0, (flags & HAS_NEGATIVE) != 0u, flags != 0u);
        let reversed = params.mean == 1u && summary.denominator < 0.0;
        return special(select(POSITIVE_INFINITY_BITS, NEGATIVE_INFINITY_BITS, negative != reversed));
    }
    return loss;
}
