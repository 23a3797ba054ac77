// A class of each row, drawn from the softmax of its logits: the one whose logit plus Gumbel noise is largest (Gumbel, 1954), the first
// of equal ones, among those that the filters kept. NONE for rows with NaN or +inf, or without a class above -inf.
// Needs: params.wgsl, words.wgsl, keys.wgsl, philox.wgsl, stats_best.wgsl.

struct Finish {
    unused: u32,
}

fn lowest_key(row: u32) -> u32 {
    if params.threshold == NONE {
        return LOWEST_KEY;
    }
    return max(LOWEST_KEY, words[params.threshold + row]);
}

fn judged4(z: vec4<f32>, row: u32, quad: u32) -> vec4<f32> {
    return opaque4(z + gumbel4(row, quad));
}

fn skips(row: u32) -> bool {
    return false;
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    return Finish(0u);
}

fn write_row(row: u32, stats: Stats, finish: Finish) {
    put_row(params.argmax, row, select(stats.best, NONE, stats.spoiled == 1u));
}
