// softmax of transformed logits z: y = exp(z - m) / s; log_softmax (LOG): y = (z - m) - log s.
// A row with NaN or +inf, or without any class above -inf, gives NaN throughout; classes that do not take part 0, or -inf (LOG).
// Needs: params.wgsl, numerics.wgsl, quads.wgsl, row_state.wgsl, stats_row.wgsl.

override LOG: bool = false;

struct Finish {
    max: f32,
    factor: f32,    // 1 / s, or log s
    spoiled: bool,
    spoil: f32,
    absent: f32,
    transform: Transform,
}

fn skips(row: u32) -> bool {
    return false;
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    let spoiled = has_nan(stats) || has_infinity(stats) || stats.count == 0.0;
    let others = others_of(stats);
    if LOG {
        return Finish(stats.max, log1p(others), spoiled, not_a_number(), negative_infinity(), transform_of(row));
    }
    return Finish(stats.max, 1.0 / (1.0 + others), spoiled, not_a_number(), 0.0, transform_of(row));
}

fn write_row(row: u32, stats: Stats, finish: Finish) {}

fn element(row: u32, quad: u32, x: vec4<f32>, finish: Finish) -> vec4<f32> {
    let d = transformed(finish.transform, x) - finish.max;
    var y = exp4(d) * finish.factor;
    if LOG {
        y = d - finish.factor;
    }
    y = select(y, vec4(finish.spoil), finish.spoiled);
    if MASKED {
        y = select(vec4(finish.absent), y, allowed4(row, quad));
    }
    return y;
}
