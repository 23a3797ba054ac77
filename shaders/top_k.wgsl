// Lists four more of a row's most probable classes and their log-probabilities, (z - max z) - log sum exp(z - max z).
// Rows with NaN: no class and NaN. Behind the last class: no class and -inf. Rows with +inf, or nothing above -inf: NaN for the classes.
// Needs: params.wgsl, words.wgsl, numerics.wgsl, keys.wgsl, stats_top.wgsl.

@group(0) @binding(4) var<storage, read_write> list_classes: array<u32>;
@group(0) @binding(9) var<storage, read_write> list_log_probs: array<f32>;

struct Finish {
    unused: u32,
}

fn skips(row: u32) -> bool {
    return false;
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    return Finish(0u);
}

fn log_prob_of(row: u32, key: u32) -> f32 {
    let log_sum = word_of(params.log_sum, row);
    if !is_finite(log_sum) {
        return not_a_number();
    }
    let z = value_of_key(key);
    if !is_finite(z) {
        return negative_infinity();
    }
    return 0.0 - ((word_of(params.peak, row) - z) + log_sum);
}

fn put_place(row: u32, place: u32, key: u32, best: u32) {
    if place >= params.top_k {
        return;
    }
    let i = row * params.top_k + place;
    let peak = bitcast<u32>(word_of(params.peak, row));
    if (peak & MAGNITUDE_BITS) > POSITIVE_INFINITY_BITS {
        list_classes[i] = NONE;
        list_log_probs[i] = not_a_number();
        return;
    }
    list_classes[i] = best;
    if best == NONE {
        list_log_probs[i] = negative_infinity();
        return;
    }
    list_log_probs[i] = log_prob_of(row, key);
}

fn write_row(row: u32, stats: Stats, finish: Finish) {
    put_place(row, params.listed, stats.keys.x, stats.best.x);
    put_place(row, params.listed + 1u, stats.keys.y, stats.best.y);
    put_place(row, params.listed + 2u, stats.keys.z, stats.best.z);
    put_place(row, params.listed + 3u, stats.keys.w, stats.best.w);
    put_row(params.threshold, row, stats.keys.w);
    put_row(params.argmax, row, stats.best.w);
}
