// The class with the largest value in a row, the first of equal ones, among those whose logit has at least the key lowest_key(row).
// Needs: params.wgsl, numerics.wgsl, quads.wgsl, keys.wgsl, ordered.wgsl; Transform; lowest_key, judged4 of the operation, which makes
// of logits the values.

struct Stats {
    key: u32,       // of the largest value, 0 if there is no class
    best: u32,      // the class, NONE if there is none
    spoiled: u32,   // 1: some logit is NaN or +inf
}

struct State {
    stats: Stats,
    lowest: u32,
    transform: Transform,
}

fn empty() -> Stats {
    return Stats(0u, NONE, 0u);
}

fn begin(row: u32) -> State {
    return State(empty(), lowest_key(row), transform_of(row));
}

fn raise(before: Stats, key: u32, column: u32) -> Stats {
    if key > before.key {
        return Stats(key, column, before.spoiled);
    }
    return before;
}

fn absorb_quad(before: State, row: u32, quad: u32, x: vec4<f32>) -> State {
    var state = before;
    let z = ordered_logit4(state.transform, x);
    let here = present4(row, quad);
    let not_finite = magnitude4(z) >= vec4(POSITIVE_INFINITY_BITS);
    let below = bitcast<vec4<u32>>(z) == vec4(NEGATIVE_INFINITY_BITS);
    if any(here & not_finite & !below) {
        state.stats.spoiled = 1u;
    }
    let kept = here & (key4(z) >= vec4(state.lowest));
    if any(kept) {
        let keys = select(vec4(0u), key4(judged4(z, row, quad)), kept);
        var stats = state.stats;
        stats = raise(stats, keys.x, 4u * quad);
        stats = raise(stats, keys.y, 4u * quad + 1u);
        stats = raise(stats, keys.z, 4u * quad + 2u);
        state.stats = raise(stats, keys.w, 4u * quad + 3u);
    }
    return state;
}

fn absorb_block(before: State, row: u32, quad: u32, step: u32, x: Block) -> State {
    let half = absorb_quad(absorb_quad(before, row, quad, x.a), row, quad + step, x.b);
    return absorb_quad(absorb_quad(half, row, quad + 2u * step, x.c), row, quad + 3u * step, x.d);
}

fn close(state: State, row: u32, lanes: u32) -> Stats {
    return state.stats;
}

fn combine(a: Stats, b: Stats) -> Stats {
    var best = min(a.best, b.best);
    if a.key > b.key {
        best = a.best;
    } else if b.key > a.key {
        best = b.best;
    }
    return Stats(max(a.key, b.key), best, a.spoiled | b.spoiled);
}
