// The gradient of logsumexp, g the row's upstream gradient: d / d z_c = g exp(z_c - lse).
// lse = +inf: NaN where z is +inf, else 0. lse = -inf or NaN: NaN. Classes that do not take part: 0.
// Needs: params.wgsl, words.wgsl, numerics.wgsl, quads.wgsl, stats_none.wgsl; Transform; allowed4.

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
    let bits = bitcast<u32>(logsumexp);
    let infinite = bits == POSITIVE_INFINITY_BITS;
    let spoiled = !is_finite(logsumexp) && !infinite;
    return Finish(logsumexp, word_of(params.upstream, row), infinite, spoiled, not_a_number(), transform_of(row));
}

fn write_row(row: u32, stats: Stats, finish: Finish) {}

fn element(row: u32, quad: u32, x: vec4<f32>, finish: Finish) -> vec4<f32> {
    let z = transformed(finish.transform, x);
    let value = pulled_back(finish.transform, exp_any(z - finish.logsumexp) * finish.scale, x);
    let at_infinity = select(vec4(0.0), vec4(finish.spoil), bitcast<vec4<u32>>(z) == vec4(POSITIVE_INFINITY_BITS));
    let whole = select(select(value, at_infinity, finish.infinite), vec4(finish.spoil), finish.spoiled);
    return select(vec4(0.0), whole, allowed4(row, quad));
}
