// The gradient of logsumexp, g the row's upstream gradient: d / d x_c = g exp(x_c - lse).
// lse = +inf: NaN where x is +inf, else 0. lse = -inf or NaN: NaN.
// Needs: params.wgsl, numerics.wgsl, quads.wgsl, stats_left_out.wgsl, row_upstream.wgsl, saved_lse.wgsl.

struct Finish {
    logsumexp: f32,
    scale: f32,
    infinite: bool,
    spoiled: bool,
    spoil: f32,
}

fn left_out_class(row: u32) -> u32 {
    return NONE;
}

fn skips(row: u32) -> bool {
    return false;
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    let logsumexp = saved_lse[params.saved_lse_start + row];
    let bits = bitcast<u32>(logsumexp);
    let infinite = bits == POSITIVE_INFINITY_BITS;
    let spoiled = (bits & MAGNITUDE_BITS) >= POSITIVE_INFINITY_BITS && !infinite;
    return Finish(logsumexp, upstream_of(row), infinite, spoiled, not_a_number());
}

fn write_row(row: u32, finish: Finish) {}

fn element(row: u32, quad: u32, x: vec4<f32>, finish: Finish) -> vec4<f32> {
    let value = exp_any(x - finish.logsumexp) * finish.scale;
    let at_infinity = select(vec4(0.0), vec4(finish.spoil), bitcast<vec4<u32>>(x) == vec4(POSITIVE_INFINITY_BITS));
    return select(select(value, at_infinity, finish.infinite), vec4(finish.spoil), finish.spoiled);
}
