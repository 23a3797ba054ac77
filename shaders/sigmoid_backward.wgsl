// The gradient of the logistic function from its result y: u y (1 - y), u the upstream gradient, the second matrix.
// Where u is infinite and the slope 0: NaN.
// Needs: params.wgsl, numerics.wgsl, second_quads.wgsl, stats_none.wgsl.

struct Finish {
    unused: u32,
}

fn skips(row: u32) -> bool {
    return true;
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    return Finish(0u);
}

fn write_row(row: u32, stats: Stats, finish: Finish) {}

fn element(row: u32, quad: u32, y: vec4<f32>, finish: Finish) -> vec4<f32> {
    let u = load_second_padded(row, quad, 0.0);
    let slope = y * (1.0 - y);
    let nothing = (magnitude4(u) == vec4(POSITIVE_INFINITY_BITS)) & (slope == vec4(0.0));
    return select(u * slope, vec4(not_a_number()), nothing | is_nan4(u) | is_nan4(y));
}
