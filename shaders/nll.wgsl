// Negative log-likelihood of log-probabilities x: with the target t, class weights w and row weights a,
//   loss = -a w_t x_t,   d loss / d x_t = -a w_t, 0 for the other classes
// A coefficient of 0, or an ignored row, gives 0 whatever x_t is; a NaN there is otherwise the loss's, and the other classes do
// not matter. A target that is no class gives NaN throughout the row.
// Needs: params.wgsl, words.wgsl, numerics.wgsl, quads.wgsl, target.wgsl, row_factor.wgsl, stats_own.wgsl; weight_of.

struct Finish {
    loss: f32,
    column: u32,    // the target
    fill: f32,      // the gradient of the other classes
    gradient: f32,  // that of the target
}

fn skips(row: u32) -> bool {
    return false;
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    let own_target = target_of(row);
    let column = own_target.column;
    let a = row_weight(row);
    if own_target.ignored || a == 0.0 {
        return Finish(0.0, column, 0.0, 0.0);
    }
    if !own_target.named {
        return Finish(not_a_number(), column, not_a_number(), not_a_number());
    }
    let w = weight_of(own_target.word);
    if w == 0.0 {
        return Finish(0.0, column, 0.0, 0.0);
    }
    var loss = -a * (w * bitcast<f32>(stats.bits));
    if (stats.bits & MAGNITUDE_BITS) > POSITIVE_INFINITY_BITS {
        loss = not_a_number();
    }
    let factor = row_factor(row);
    var gradient = -factor * (a * w);
    if (bitcast<u32>(factor) & MAGNITUDE_BITS) > POSITIVE_INFINITY_BITS {
        gradient = not_a_number();
    }
    return Finish(loss, column, 0.0, gradient);
}

fn write_row(row: u32, stats: Stats, finish: Finish) {
    put_row(params.loss, row, bitcast<u32>(finish.loss));
}

fn element(row: u32, quad: u32, x: vec4<f32>, finish: Finish) -> vec4<f32> {
    return select(vec4(finish.fill), vec4(finish.gradient), is_column(quad, finish.column));
}
