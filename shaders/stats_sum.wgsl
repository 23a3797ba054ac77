// The sum over a row of what an operation makes of its elements, with Kahan's correction. Infinite and NaN terms are kept out
// of it and told apart by their bits, since infinity spoils the correction; a sum that overflows counts as an infinite term.
// Needs: params.wgsl, numerics.wgsl, quads.wgsl; value(row, quad, x), which makes of a quad x of the first matrix four terms.

const HAS_NAN: u32 = 1u;
const HAS_POSITIVE: u32 = 2u;   // +inf
const HAS_NEGATIVE: u32 = 4u;   // -inf

struct Stats {
    sum: f32,       // of the finite terms: sum - low
    low: f32,
    flags: u32,
}

struct State {
    sum: Sum,
    flags: u32,
}

fn empty() -> Stats {
    return Stats(0.0, 0.0, 0u);
}

fn begin(row: u32) -> State {
    return State(Sum(0.0, 0.0), 0u);
}

fn flags_of(v: vec4<f32>) -> u32 {
    let bits = bitcast<vec4<u32>>(v);
    let nan = select(0u, HAS_NAN, any(is_nan4(v)));
    let positive = select(0u, HAS_POSITIVE, any(bits == vec4(POSITIVE_INFINITY_BITS)));
    return nan | positive | select(0u, HAS_NEGATIVE, any(bits == vec4(NEGATIVE_INFINITY_BITS)));
}

fn finite4(v: vec4<f32>) -> vec4<f32> {
    return select(vec4(0.0), v, magnitude4(v) < vec4(POSITIVE_INFINITY_BITS));
}

fn settled(sum: Sum, flags: u32) -> State {
    if is_finite(sum.value) {
        return State(sum, flags);
    }
    return State(Sum(0.0, 0.0), flags | flags_of(vec4(sum.value)));
}

fn absorb_block(before: State, row: u32, quad: u32, step: u32, x: Block) -> State {
    let a = value(row, quad, x.a);
    let b = value(row, quad + step, x.b);
    let c = value(row, quad + 2u * step, x.c);
    let d = value(row, quad + 3u * step, x.d);
    let flags = (flags_of(a) | flags_of(b)) | (flags_of(c) | flags_of(d));
    let block = (finite4(a) + finite4(b)) + (finite4(c) + finite4(d));
    return settled(add(before.sum, total(block)), before.flags | flags);
}

fn absorb_quad(before: State, row: u32, quad: u32, x: vec4<f32>) -> State {
    let inside = vec4(4u * quad) + vec4(0u, 1u, 2u, 3u) < vec4(params.classes);
    let v = select(vec4(0.0), value(row, quad, x), inside);
    return settled(add(before.sum, total(finite4(v))), before.flags | flags_of(v));
}

fn stats_of(state: State) -> Stats {
    return Stats(state.sum.value, state.sum.low, state.flags);
}

fn close(state: State, row: u32, lanes: u32) -> Stats {
    return stats_of(state);
}

fn combine(a: Stats, b: Stats) -> Stats {
    let sum = add(add(Sum(a.sum, a.low), b.sum), -b.low);
    return stats_of(settled(sum, a.flags | b.flags));
}

// The sum of all terms.
fn row_sum(stats: Stats) -> f32 {
    if (stats.flags & HAS_NAN) != 0u || (stats.flags & (HAS_POSITIVE | HAS_NEGATIVE)) == (HAS_POSITIVE | HAS_NEGATIVE) {
        return not_a_number();
    }
    if stats.flags != 0u {
        return special(select(NEGATIVE_INFINITY_BITS, POSITIVE_INFINITY_BITS, stats.flags == HAS_POSITIVE));
    }
    return stats.sum - stats.low;
}
