// The mass that is needed of what top_k has kept: the share top_p / 2^31 of it, rounded up. The step is 0: all seven sums are alike.
// Needs: params.wgsl, words.wgsl, wide.wgsl, stats_masses.wgsl.

struct Finish {
    unused: u32,
}

fn skips(row: u32) -> bool {
    return false;
}

fn base_of(row: u32) -> u32 {
    if params.top_k == 0u {
        return 0u;
    }
    return words[params.threshold + row];
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    return Finish(0u);
}

fn write_row(row: u32, stats: Stats, finish: Finish) {
    let low = multiply_wide(stats.from_1.x, params.top_p);
    let high = add_wide(multiply_wide(stats.from_1.y, params.top_p), vec2(low.y, 0u));
    let whole = vec2((high.x << 1u) | (low.x >> 31u), (high.y << 1u) | (high.x >> 31u));
    let need = add_wide(whole, vec2(select(0u, 1u, (low.x & 0x7fffffffu) != 0u), 0u));
    put_row(params.needed_low, row, need.x);
    put_row(params.needed_high, row, need.y);
}
