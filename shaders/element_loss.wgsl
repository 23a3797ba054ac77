// Losses that are sums over elements: each row's sum, and one matrix, which is that of the elements' losses or a gradient of them,
// times params.factor (the upstream gradient, over what the sum is divided by). A derivative that is exactly 0 stays 0.
// Needs: params.wgsl, words.wgsl, numerics.wgsl, stats_sum.wgsl; value(row, quad, x) and derivative(row, quad, x) of the operation.

override WRITES: u32 = 0u;

const VALUES: u32 = 0u;
const GRADIENT: u32 = 1u;
const TARGET_GRADIENT: u32 = 2u;    // derivative() tells it from the other by WRITES

struct Finish {
    unused: u32,
}

fn skips(row: u32) -> bool {
    return params.loss == NONE;
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    return Finish(0u);
}

fn write_row(row: u32, stats: Stats, finish: Finish) {
    put_row(params.loss, row, bitcast<u32>(row_sum(stats)));
}

fn element(row: u32, quad: u32, x: vec4<f32>, finish: Finish) -> vec4<f32> {
    if WRITES == VALUES {
        return value(row, quad, x);
    }
    let d = derivative(row, quad, x);
    let scaled = select(d * params.factor, vec4(0.0), d == vec4(0.0));
    return select(scaled, vec4(not_a_number()), is_nan4(d));
}
