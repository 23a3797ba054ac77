// Adds a window's row losses to the summary: loss = sum of row losses, over the valid rows if it is their mean.
// Needs: params.wgsl, vector.wgsl, numerics.wgsl, stats_loss.wgsl, summary_out.wgsl.

fn write_row(row: u32, finish: Finish) {
    let sum = add(Sum(summary.loss_sum, summary.loss_low), finish.stats.sum);
    let magnitude = max(summary.loss_magnitude, finish.stats.magnitude);
    summary.loss_sum = sum.value;
    summary.loss_low = sum.low;
    summary.loss_magnitude = magnitude;
    summary.correct += finish.stats.correct;
    var loss = sum.value - sum.low;
    if params.mean == 1u {
        loss /= f32(max(summary.valid, 1u));
    }
    // Losses are not negative: a sum that overflowed, in whatever way, is +inf.
    if magnitude == POSITIVE_INFINITY_BITS || (bitcast<u32>(loss) & MAGNITUDE_BITS) >= POSITIVE_INFINITY_BITS {
        loss = special(POSITIVE_INFINITY_BITS);
    }
    if magnitude > POSITIVE_INFINITY_BITS || (params.mean == 1u && summary.valid == 0u) {
        loss = not_a_number();
    }
    summary.loss = loss;
}
