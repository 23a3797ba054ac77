// The state of a row of transformed logits z after some of its classes, and how states merge.
//
// A class that has the largest logit, m, is kept apart from the others, whose sums are relative to s: the largest of them, or
// a value a little below it. Of several that have it, some may be kept apart and some be among the others. With
// r = count - 1 + rest exp(s - m), where s - m is known to twice the digits,
//   lse = m + log1p(r),   1 - p = r / (1 + r) for a class with the largest logit,
// which keep their relative accuracy however far it is ahead, where log(1 + r) and 1 - 1 / (1 + r) cancel.
// Raising s multiplies sums of exp(z - s); raising m moves sums of (m - z).
// (Merging: Milakov and Gimelshein, 2018.) Needs: numerics.wgsl.

struct Stats {
    max: f32,           // LOWEST if none is above
    count: f32,         // classes kept apart that have it: 0 if all are -inf, else at least 1 (as all of this, nothing sure with NaN)
    second: f32,        // s: the largest z of the others, or less by 1 at most (LAG of stats_row.wgsl); LOWEST if none is above
    rest: f32,          // sum exp(z - second) of the others
    spread: f32,        // sum exp(z - second) (second - z) of the others
    label_sum: f32,     // sum w q, q the target probabilities, w the class weights
    label_dot: f32,     // sum w q (max - z)
    smooth_sum: f32,    // sum w
    smooth_dot: f32,    // sum w (max - z)
    magnitude: u32,     // the largest |z|, as bits: above those of infinity, some z is NaN
    best: u32,          // the first class that equals max, of all that take part if all are -inf; NONE if not tracked or there is none
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
const LABEL_PRESENT: u32 = 32u;     // some w q is not 0, whatever their sum
const SMOOTH_PRESENT: u32 = 64u;    // some w is not 0
const NO_LABELS: u32 = 128u;        // what was not kept: sums of labels, of smoothing; best; ahead; spread
const NO_SMOOTHING: u32 = 256u;
const NO_BEST: u32 = 512u;
const NO_RANK: u32 = 1024u;
const NO_SPREAD: u32 = 2048u;

fn empty() -> Stats {
    return Stats(LOWEST, 0.0, LOWEST, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0u, NONE, 0u, 0u, 0u, 0u);
}

// A sum of w (m - z) when m rises: nothing times an infinite distance is nothing.
fn moved(dot: f32, sum: f32, by: f32) -> f32 {
    return select(dot + sum * by, dot, sum == 0.0);
}

// The classes that are not kept apart, relative to the largest of them.
struct Others {
    second: f32,
    rest: f32,
    spread: f32,
}

// The same relative to a larger value.
fn relative_to(others: Others, second: f32) -> Others {
    if others.second == second {
        return others;
    }
    let by = second - others.second;
    let factor = exp1(-by);
    let spread = select((others.spread + others.rest * by) * factor, 0.0, factor == 0.0);
    return Others(second, others.rest * factor, spread);
}

// What is not kept apart once the largest is m.
fn others_below(state: Stats, m: f32) -> Others {
    let own = Others(state.second, state.rest, state.spread);
    if state.max == m || state.count == 0.0 {
        return own;
    }
    let whole = relative_to(own, state.max);
    return Others(state.max, whole.rest + state.count, whole.spread);
}

fn combine(x: Stats, y: Stats) -> Stats {
    let m = max(x.max, y.max);
    let below_x = others_below(x, m);
    let below_y = others_below(y, m);
    let second = max(below_x.second, below_y.second);
    let a = relative_to(below_x, second);
    let b = relative_to(below_y, second);
    var best = min(x.best, y.best);
    if x.max > y.max || (y.count == 0.0 && x.count > 0.0) {
        best = x.best;
    } else if y.max > x.max || (x.count == 0.0 && y.count > 0.0) {
        best = y.best;
    }
    return Stats(
        m,
        select(0.0, x.count, x.max == m) + select(0.0, y.count, y.max == m),
        second,
        a.rest + b.rest,
        a.spread + b.spread,
        x.label_sum + y.label_sum,
        moved(x.label_dot, x.label_sum, m - x.max) + moved(y.label_dot, y.label_sum, m - y.max),
        x.smooth_sum + y.smooth_sum,
        moved(x.smooth_dot, x.smooth_sum, m - x.max) + moved(y.smooth_dot, y.smooth_sum, m - y.max),
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

// exp(second - max) times a sum relative to second, in two halves: exp alone may be too small for an f32 where the product is not.
fn relative_to_max(state: Stats, sum: f32) -> f32 {
    let gap = two_difference(state.second, state.max);
    if sum == 0.0 || gap.x < 2.0 * EXP_LOWEST {
        return 0.0;
    }
    let half = exp1(0.5 * gap.x);
    return select(sum * half * half, sum * exp1(gap.x), gap.x > -80.0) * (1.0 + gap.y);
}

// The sum of exp(z - max) but for one class of the largest: 0 if there is no other.
fn others_of(state: Stats) -> f32 {
    return max(state.count - 1.0, 0.0) + relative_to_max(state, state.rest);
}

// The sum of exp(z - max) (max - z).
fn spread_of(state: Stats) -> f32 {
    if state.rest == 0.0 {
        return 0.0;
    }
    return relative_to_max(state, state.spread + state.rest * (state.max - state.second));
}

// log_sum: log1p(others_of(state)).
fn logsumexp_of(state: Stats, log_sum: f32) -> f32 {
    if has_nan(state) {
        return not_a_number();
    }
    if has_infinity(state) {
        return special(POSITIVE_INFINITY_BITS);
    }
    if state.count == 0.0 {
        return negative_infinity();
    }
    return state.max + log_sum;
}
