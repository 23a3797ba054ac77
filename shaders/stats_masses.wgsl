// How much of a row lies at or above each of seven keys: base + step, base + 2 step, .. Wide numbers, so that neither the order nor
// the adapter matters. mass4() says how much a class counts.
// Needs: params.wgsl, numerics.wgsl, quads.wgsl, keys.wgsl, ordered.wgsl, wide.wgsl; Transform; mass4, peak_of; base_of of the operation.

struct Stats {
    from_1: vec2<u32>,
    from_2: vec2<u32>,
    from_3: vec2<u32>,
    from_4: vec2<u32>,
    from_5: vec2<u32>,
    from_6: vec2<u32>,
    from_7: vec2<u32>,
}

struct State {
    stats: Stats,
    base: u32,
    peak: f32,
    transform: Transform,
}

struct Masses {
    low: vec4<u32>,
    high: vec4<u32>,
}

fn empty() -> Stats {
    let zero = vec2(0u);
    return Stats(zero, zero, zero, zero, zero, zero, zero);
}

fn begin(row: u32) -> State {
    return State(empty(), base_of(row), peak_of(row), transform_of(row));
}

// Adds the masses of the classes whose keys reach the number `i` of the seven. Nothing has the key 0.
fn add_from(sum: vec2<u32>, masses: Masses, keys: vec4<u32>, base: u32, i: u32) -> vec2<u32> {
    let reached = keys >= vec4(max(base + i * params.step, LOWEST_KEY));
    let low = select(vec4(0u), masses.low, reached);
    let high = select(vec4(0u), masses.high, reached);
    let half = add_wide(vec2(low.x, high.x), vec2(low.y, high.y));
    return add_wide(sum, add_wide(half, add_wide(vec2(low.z, high.z), vec2(low.w, high.w))));
}

fn absorb_quad(before: State, row: u32, quad: u32, x: vec4<f32>) -> State {
    let read = ordered_logit4(before.transform, x);
    let here = present4(row, quad) & (key4(read) >= vec4(LOWEST_KEY));
    let z = select(vec4(before.peak), read, here);
    let keys = select(vec4(0u), key4(z), here);
    let m = mass4(z, before.peak);
    let s = before.stats;
    let base = before.base;
    let stats = Stats(
        add_from(s.from_1, m, keys, base, 1u),
        add_from(s.from_2, m, keys, base, 2u),
        add_from(s.from_3, m, keys, base, 3u),
        add_from(s.from_4, m, keys, base, 4u),
        add_from(s.from_5, m, keys, base, 5u),
        add_from(s.from_6, m, keys, base, 6u),
        add_from(s.from_7, m, keys, base, 7u),
    );
    return State(stats, base, before.peak, before.transform);
}

fn absorb_block(before: State, row: u32, quad: u32, step: u32, x: Block) -> State {
    let half = absorb_quad(absorb_quad(before, row, quad, x.a), row, quad + step, x.b);
    return absorb_quad(absorb_quad(half, row, quad + 2u * step, x.c), row, quad + 3u * step, x.d);
}

fn close(state: State, row: u32, lanes: u32) -> Stats {
    return state.stats;
}

fn combine(a: Stats, b: Stats) -> Stats {
    return Stats(
        add_wide(a.from_1, b.from_1),
        add_wide(a.from_2, b.from_2),
        add_wide(a.from_3, b.from_3),
        add_wide(a.from_4, b.from_4),
        add_wide(a.from_5, b.from_5),
        add_wide(a.from_6, b.from_6),
        add_wide(a.from_7, b.from_7),
    );
}
