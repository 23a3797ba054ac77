// Statistics of a row of logits x: the largest, m = max x, and s = sum exp(x - m), in one pass.
//
// Sixteen values at a time: their maximum, one rescaling of the sum, then their exponentials, the block sums added with
// Kahan's correction, so the error of s does not grow with the number of classes.
// A class can be left out (the target of cross-entropy), so that the mass of the others is known to full relative accuracy.
// NaN and the infinities are found in the bits of the logits: arithmetic with them differs between adapters.
// (m, s) of disjoint parts combine to those of the whole (Milakov and Gimelshein, 2018).
// Needs: params.wgsl, numerics.wgsl, quads.wgsl; left_out_class(row) and LEAVES_OUT of the operation.

override TRACK_ARGMAX: bool = false;

struct Stats {
    max: f32,           // LOWEST if there is no finite value
    sum: f32,           // 0 if there is no value above -inf
    magnitude: u32,     // the largest |x|, as bits: above those of infinity, some x is NaN
    best: u32,          // the first class that equals max, NONE if not tracked or there is none
    left_out: u32,      // the bits of the left-out logit, 0 if there is none; the same in all parts of the row
}

struct State {
    max: f32,
    sum: Sum,
    magnitude: u32,
    best_quad: u32,
    column: u32,
    fill: f32,
}

fn empty() -> Stats {
    return Stats(LOWEST, 0.0, 0u, NONE, 0u);
}

fn begin(row: u32) -> State {
    return State(LOWEST, Sum(0.0, 0.0), 0u, NONE, left_out_class(row), negative_infinity());
}

fn without_left_out(state: State, quad: u32, x: vec4<f32>) -> vec4<f32> {
    if LEAVES_OUT {
        return select(x, vec4(state.fill), is_column(quad, state.column));
    }
    return x;
}

fn magnitude4(x: vec4<f32>) -> vec4<u32> {
    return bitcast<vec4<u32>>(x) & vec4(MAGNITUDE_BITS);
}

fn largest(x: vec4<f32>) -> f32 {
    return max(max(x.x, x.y), max(x.z, x.w));
}

fn largest_bits(x: vec4<u32>) -> u32 {
    return max(max(x.x, x.y), max(x.z, x.w));
}

fn total(x: vec4<f32>) -> f32 {
    return (x.x + x.y) + (x.z + x.w);
}

// Takes in values whose maximum is `highest` and whose exponentials are to be summed by the caller after this.
fn raise(before: State, highest: f32, quad: u32) -> State {
    var state = before;
    let m = max(state.max, highest);
    if TRACK_ARGMAX {
        if highest > state.max || (highest == state.max && state.best_quad == NONE) {
            state.best_quad = quad;
        }
    }
    let rescale = exp1(state.max - m);
    state.sum.value *= rescale;
    state.sum.low *= rescale;
    state.max = m;
    return state;
}

fn absorb_block(before: State, row: u32, quad: u32, step: u32) -> State {
    let a = without_left_out(before, quad, load_quad(row, quad));
    let b = without_left_out(before, quad + step, load_quad(row, quad + step));
    let c = without_left_out(before, quad + 2u * step, load_quad(row, quad + 2u * step));
    let d = without_left_out(before, quad + 3u * step, load_quad(row, quad + 3u * step));
    var state = raise(before, largest(max(max(a, b), max(c, d))), quad);
    let m = vec4(state.max);
    state.sum = add(state.sum, total((exp4(a - m) + exp4(b - m)) + (exp4(c - m) + exp4(d - m))));
    let magnitudes = max(max(magnitude4(a), magnitude4(b)), max(magnitude4(c), magnitude4(d)));
    state.magnitude = max(state.magnitude, largest_bits(magnitudes));
    return state;
}

fn absorb_quad(before: State, row: u32, quad: u32) -> State {
    let x = without_left_out(before, quad, load_padded(row, quad, before.fill));
    var state = raise(before, largest(x), quad);
    state.sum = add(state.sum, total(exp4(x - vec4(state.max))));
    state.magnitude = max(state.magnitude, largest_bits(magnitude4(x)));
    return state;
}

// The first class that equals the maximum: it is in the block that last raised it.
fn find_best(state: State, row: u32, lanes: u32) -> u32 {
    if state.best_quad == NONE {
        return NONE;
    }
    for (var i = 0u; i < 4u; i += 1u) {
        let quad = state.best_quad + i * lanes;
        if quad < params.quads {
            let found = without_left_out(state, quad, load_padded(row, quad, state.fill)) == vec4(state.max);
            if any(found) {
                return 4u * quad + select(select(select(3u, 2u, found.z), 1u, found.y), 0u, found.x);
            }
        }
    }
    return NONE;
}

fn close(state: State, row: u32, lanes: u32) -> Stats {
    var best = NONE;
    if TRACK_ARGMAX {
        best = find_best(state, row, lanes);
    }
    var left_out = 0u;
    if LEAVES_OUT {
        if state.column < params.classes {
            left_out = bitcast<u32>(load_one(row, state.column));
        }
    }
    return Stats(state.max, state.sum.value - state.sum.low, state.magnitude, best, left_out);
}

fn combine(a: Stats, b: Stats) -> Stats {
    let m = max(a.max, b.max);
    let sum = a.sum * exp1(a.max - m) + b.sum * exp1(b.max - m);
    var best = min(a.best, b.best);
    if a.max > b.max {
        best = a.best;
    } else if b.max > a.max {
        best = b.best;
    }
    return Stats(m, sum, max(a.magnitude, b.magnitude), best, a.left_out | b.left_out);
}
