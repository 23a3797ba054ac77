// The gradient of log |sum b exp(z)|, g the row's upstream gradient: d / d z_c = g sign b_c exp(z_c - lse); exactly 0 where b = 0 and for
// classes that do not take part. lse = +inf: NaN where z is +inf, else 0. lse = -inf or NaN: NaN.
// Needs: params.wgsl, words.wgsl, numerics.wgsl, quads.wgsl, second_quads.wgsl, stats_none.wgsl; Transform; allowed4.

struct Finish {
    logsumexp: f32,
    scale: f32,
    infinite: bool,
    spoiled: bool,
    spoil: f32,
    transform: Transform,
}

fn skips(row: u32) -> bool {
    return true;
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    let logsumexp = word_of(params.saved, row);
    let infinite = bitcast<u32>(logsumexp) == POSITIVE_INFINITY_BITS;
    let spoiled = !is_finite(logsumexp) && !infinite;
    let scale = word_of(params.upstream, row) * word_of(params.saved_sign, row);
    return Finish(logsumexp, scale, infinite, spoiled, not_a_number(), transform_of(row));
}

fn write_row(row: u32, stats: Stats, finish: Finish) {}

fn element(row: u32, quad: u32, x: vec4<f32>, finish: Finish) -> vec4<f32> {
    let b = load_second_padded(row, quad, 0.0);
    let z = transformed(finish.transform, x);
    // The exponential alone may be beyond f32 where b is very large or small: half of it on either side.
    let half = exp_any(0.5 * (z - finish.logsumexp));
    let value = pulled_back(finish.transform, (half * (finish.scale * b)) * half, x);
    let at_infinity = select(vec4(0.0), vec4(finish.spoil), bitcast<vec4<u32>>(z) == vec4(POSITIVE_INFINITY_BITS));
    let whole = select(select(value, at_infinity, finish.infinite), vec4(finish.spoil), finish.spoiled);
    return select(vec4(0.0), whole, allowed4(row, quad) & (magnitude4(b) != vec4(0u)));
}
