// The logistic function: y = 1 / (1 + exp(-x)), 0 at -inf, 1 at +inf, NaN at NaN.
// Both ends come from exp(-|x|), so that no small y is a difference.
// Needs: params.wgsl, numerics.wgsl, stats_none.wgsl.

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

fn element(row: u32, quad: u32, x: vec4<f32>, finish: Finish) -> vec4<f32> {
    let e = exp4(-abs(x));
    let y = select(vec4(1.0), e, x < vec4(0.0)) / (1.0 + e);
    return select(y, vec4(not_a_number()), is_nan4(x));
}
