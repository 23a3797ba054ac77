// The state of a row of transformed logits z after some of its classes, and how states merge.
//
// The classes that have the largest logit, m, are kept apart from the others, as in SciPy's logsumexp: with r = rest + count - 1,
//   lse = m + log1p(r),   1 - p = r / (1 + r) for the largest class,
// which keep their relative accuracy however far it is ahead, where log(1 + r) and 1 - 1 / (1 + r) cancel.
// Sums are relative to m: raising m multiplies those of exp(z - m) and moves those of (m - z).
// (Merging: Milakov and Gimelshein, 2018.) Needs: numerics.wgsl.

struct Stats {
    max: f32,           // LOWEST if none is above
    count: f32,         // classes that have it; 0 if all are -inf
    rest: f32,          // sum exp(z - max) of the others
    spread: f32,        // sum exp(z - max) (max - z)
    label_sum: f32,     // sum w q, q the target probabilities, w the class weights
    label_dot: f32,     // sum w q (max - z)
    smooth_sum: f32,    // sum w
    smooth_dot: f32,    // sum w (max - z)
    magnitude: u32,     // the largest |z|, as bits: above those of infinity, some z is NaN
    best: u32,          // the first class that equals max, NONE if not tracked or there is none
    target_bits: u32,   // the bits of the target's z, 0 if it is not here
    ahead: u32,         // classes ahead of the target
    allowed: u32,       // classes that take part
    flags: u32,         // see below
}

const LABEL_INFINITE: u32 = 1u;     // a label that counts stands against -inf: loss +inf
const LABEL_NEGATIVE: u32 = 2u;     // the same with a negative coefficient: loss -inf
const SMOOTH_INFINITE: u32 = 4u;    // the same two for smoothing
const SMOOTH_NEGATIVE: u32 = 8u;
const LABEL_NOT_FINITE: u32 = 16u;  // a label is NaN or infinite

fn empty() -> Stats {
    return Stats(LOWEST, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0u, NONE, 0u, 0u, 0u, 0u);
}

// A sum of w (m - z) when m rises: nothing times an infinite distance is nothing.
fn moved(dot: f32, sum: f32, by: f32) -> f32 {
    return select(dot + sum * by, dot, sum == 0.0);
}

fn raised_to(state: Stats, m: f32) -> Stats {
    if state.max == m {
        return state;
    }
    var higher = state;
    let by = m - state.max;
    let factor = exp1(-by);
    let sum = state.count + state.rest;
    higher.max = m;
    higher.count = 0.0;
    higher.rest = sum * factor;
    higher.spread = select((state.spread + sum * by) * factor, 0.0, factor == 0.0);
    higher.label_dot = moved(state.label_dot, state.label_sum, by);
    higher.smooth_dot = moved(state.smooth_dot, state.smooth_sum, by);
    return higher;
}

fn combine(x: Stats, y: Stats) -> Stats {
    let m = max(x.max, y.max);
    let a = raised_to(x, m);
    let b = raised_to(y, m);
    var best = min(x.best, y.best);
    if x.max > y.max {
        best = x.best;
    } else if y.max > x.max {
        best = y.best;
    }
    return Stats(
        m,
        a.count + b.count,
        a.rest + b.rest,
        a.spread + b.spread,
        a.label_sum + b.label_sum,
        a.label_dot + b.label_dot,
        a.smooth_sum + b.smooth_sum,
        a.smooth_dot + b.smooth_dot,
        max(x.magnitude, y.magnitude),
        best,
        x.target_bits | y.target_bits,
        x.ahead + y.ahead,
        x.allowed + y.allowed,
        x.flags | y.flags,
    );
}

fn has_nan(state: Stats) -> bool {
    return state.magnitude > POSITIVE_INFINITY_BITS;
}

fn has_infinity(state: Stats) -> bool {
    return bitcast<u32>(state.max) == POSITIVE_INFINITY_BITS;
}

// The classes below the largest, relative to one of the largest: 0 if that one is alone.
fn others_of(state: Stats) -> f32 {
    return max(state.count - 1.0, 0.0) + state.rest;
}

fn logsumexp_of(state: Stats) -> f32 {
    if has_nan(state) {
        return not_a_number();
    }
    if has_infinity(state) {
        return special(POSITIVE_INFINITY_BITS);
    }
    if state.count == 0.0 {
        return negative_infinity();
    }
    return state.max + log1p(others_of(state));
}
