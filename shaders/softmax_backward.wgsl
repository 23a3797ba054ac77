// The gradients of softmax, y = p: d / d x_c = p_c (u_c - sum p u), and of log_softmax (LOG), y = log p:
// d / d x_c = u_c - exp(y_c) sum u. u is the upstream gradient; y is read as the logits, u as the second matrix.
// The logits may have been scaled, and classes masked, whose gradient is 0; a softcap's slope needs the logits, which are not here.
// Needs: params.wgsl, numerics.wgsl, quads.wgsl, second_quads.wgsl, stats_dot.wgsl; Transform; allowed4.

override LOG: bool = false;

struct Finish {
    sum: f32,
    transform: Transform,
}

fn is_weighted() -> bool {
    return !LOG;
}

fn skips(row: u32) -> bool {
    return false;
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    return Finish(stats.sum, transform_of(row));
}

fn write_row(row: u32, stats: Stats, finish: Finish) {}

fn element(row: u32, quad: u32, y: vec4<f32>, finish: Finish) -> vec4<f32> {
    let u = load_second_padded(row, quad, 0.0);
    var g = y * (u - finish.sum);
    if LOG {
        g = u - exp_any(y) * finish.sum;
    }
    return select(vec4(0.0), pulled_back(finish.transform, g, y), allowed4(row, quad));
}
