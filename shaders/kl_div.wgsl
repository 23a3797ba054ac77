// Kullback-Leibler divergence of log-probabilities x from targets q, the second matrix, or from targets log q (LOG):
//   loss = q (log q - x),   d loss / d x = -q,   d loss / d q = log q - x + 1,   d loss / d log q = q (log q - x + 1)
// q = 0 gives 0 throughout, also against -inf and NaN; another q against -inf +inf, but for the gradient with respect to x.
// q < 0 gives NaN, but for the gradient with respect to x. Below the normal f32, q counts as 0, but log q only as -inf does.
// Needs: params.wgsl, numerics.wgsl, second_quads.wgsl, element_loss.wgsl.

override LOG: bool = false;

struct Target {
    q: vec4<f32>,
    log: vec4<f32>,
    zero: vec4<bool>,
    bad: vec4<bool>,    // NaN, or no logarithm
}

fn target4(row: u32, quad: u32) -> Target {
    let t = load_second_padded(row, quad, 0.0);
    if LOG {
        return Target(exp_any(t), t, bitcast<vec4<u32>>(t) == vec4(NEGATIVE_INFINITY_BITS), is_nan4(t));
    }
    return Target(t, log4(t), vanishes4(t), is_nan4(t) | (t < vec4(0.0)));
}

// A value that is -x where x is infinite, NaN where x or q is or both are +inf, and 0 where q = 0.
fn with_special(v: vec4<f32>, x: vec4<f32>, goal: Target) -> vec4<f32> {
    let infinity = vec4(POSITIVE_INFINITY_BITS);
    let infinite = select(v, -x, magnitude4(x) == infinity);
    let both = (bitcast<vec4<u32>>(x) == infinity) & (bitcast<vec4<u32>>(goal.log) == infinity);
    return select(select(infinite, vec4(not_a_number()), goal.bad | both | is_nan4(x)), vec4(0.0), goal.zero);
}

// q d, where exp may have made q infinite.
fn times_q(goal: Target, d: vec4<f32>) -> vec4<f32> {
    return select(goal.q * d, vec4(0.0), d == vec4(0.0));
}

fn value(row: u32, quad: u32, x: vec4<f32>) -> vec4<f32> {
    let goal = target4(row, quad);
    return with_special(times_q(goal, goal.log - x), x, goal);
}

fn derivative(row: u32, quad: u32, x: vec4<f32>) -> vec4<f32> {
    let goal = target4(row, quad);
    if WRITES == GRADIENT {
        return -goal.q;
    }
    let slope = goal.log - x + 1.0;
    if LOG {
        return with_special(times_q(goal, slope), x, goal);
    }
    return with_special(slope, x, goal);
}
