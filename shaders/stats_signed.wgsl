// The sum of b exp(z) of a row, b the second matrix, of either sign: relative to the largest z of a term, with Kahan's correction.
// A term with b = 0 is not there. Needs: params.wgsl, numerics.wgsl, quads.wgsl, second_quads.wgsl; Transform; allowed4.

struct Stats {
    max: f32,       // LOWEST if there is none above
    sum: f32,       // sum b exp(z - max)
    flags: u32,     // see below
}

const TERM_POSITIVE: u32 = 1u;      // a term of +inf
const TERM_NEGATIVE: u32 = 2u;      // a term of -inf
const TERM_NAN: u32 = 4u;

struct State {
    max: f32,
    sum: Sum,
    flags: u32,
    transform: Transform,
}

fn empty() -> Stats {
    return Stats(LOWEST, 0.0, 0u);
}

fn begin(row: u32) -> State {
    return State(LOWEST, Sum(0.0, 0.0), 0u, transform_of(row));
}

fn is_term(row: u32, quad: u32, b: vec4<f32>) -> vec4<bool> {
    let inside = vec4(4u * quad) + vec4(0u, 1u, 2u, 3u) < vec4(params.classes);
    return inside & allowed4(row, quad) & (magnitude4(b) != vec4(0u));
}

// What decides the sum alone: infinite terms and NaN. exp(-inf) is 0, times an infinite b it is NaN.
fn flags_of(b: vec4<f32>, z: vec4<f32>, here: vec4<bool>) -> u32 {
    let infinity = vec4(POSITIVE_INFINITY_BITS);
    let b_infinite = magnitude4(b) == infinity;
    let vanishes = bitcast<vec4<u32>>(z) == vec4(NEGATIVE_INFINITY_BITS);
    let not_a_term = (magnitude4(b) > infinity) | (magnitude4(z) > infinity) | (b_infinite & vanishes);
    let endless = b_infinite | (bitcast<vec4<u32>>(z) == infinity);
    let below = bitcast<vec4<u32>>(b) >= vec4(0x80000000u);
    var flags = select(0u, TERM_NAN, any(here & not_a_term));
    flags |= select(0u, TERM_POSITIVE, any(here & endless & !below));
    return flags | select(0u, TERM_NEGATIVE, any(here & endless & below));
}

fn absorb_quad(before: State, row: u32, quad: u32, x: vec4<f32>) -> State {
    var state = before;
    let b = load_second_padded(row, quad, 0.0);
    let read = transformed(state.transform, x);
    let here = is_term(row, quad, b);
    state.flags |= flags_of(b, read, here);
    // What is not finite is in the flags.
    let infinity = vec4(POSITIVE_INFINITY_BITS);
    let finite = here & (magnitude4(read) < infinity) & (magnitude4(b) < infinity);
    let z = select(vec4(LOWEST), read, finite);
    let highest = largest(z);
    if highest > state.max {
        let factor = exp1(state.max - highest);
        state.sum.value *= factor;
        state.sum.low *= factor;
        state.max = highest;
    }
    let terms = select(vec4(0.0), b, finite) * exp4(z - vec4(state.max));
    state.sum = add(state.sum, total(terms));
    return state;
}

fn absorb_block(before: State, row: u32, quad: u32, step: u32, x: Block) -> State {
    let half = absorb_quad(absorb_quad(before, row, quad, x.a), row, quad + step, x.b);
    return absorb_quad(absorb_quad(half, row, quad + 2u * step, x.c), row, quad + 3u * step, x.d);
}

fn close(state: State, row: u32, lanes: u32) -> Stats {
    return Stats(state.max, value_of(state.sum), state.flags);
}

fn combine(x: Stats, y: Stats) -> Stats {
    let m = max(x.max, y.max);
    return Stats(m, x.sum * exp1(x.max - m) + y.sum * exp1(y.max - m), x.flags | y.flags);
}
