// softmax: y = exp(x - m) / s; log_softmax (LOG): y = (x - m) - log s.
// A row with NaN or +inf, or of -inf alone, gives NaN throughout.
// Needs: params.wgsl, numerics.wgsl, quads.wgsl, stats_exp.wgsl.

override LOG: bool = false;

const LEAVES_OUT: bool = false;

struct Finish {
    max: f32,
    factor: f32,    // 1 / s, or log s
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
    let spoiled = stats.magnitude > POSITIVE_INFINITY_BITS || bitcast<u32>(stats.max) == POSITIVE_INFINITY_BITS || stats.sum == 0.0;
    if LOG {
        return Finish(stats.max, log_from_one(stats.sum), spoiled, not_a_number());
    }
    return Finish(stats.max, 1.0 / stats.sum, spoiled, not_a_number());
}

fn write_row(row: u32, finish: Finish) {}

fn element(row: u32, quad: u32, x: vec4<f32>, finish: Finish) -> vec4<f32> {
    let d = x - finish.max;
    if LOG {
        return select(d - finish.factor, vec4(finish.spoil), finish.spoiled);
    }
    return select(exp4(d) * finish.factor, vec4(finish.spoil), finish.spoiled);
}
