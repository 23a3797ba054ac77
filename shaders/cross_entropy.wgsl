// Cross-entropy of transformed logits z and a target, which is a class t or probabilities q. With w the class weights,
// e the smoothing, K the classes that take part, h = (1 - e) w_t for a class and k_c = (1 - e) w_c q_c + (e / K) w_c else:
//   loss = a (h (lse - z_t) + sum_c k_c (lse - z_c) + z_loss lse^2)
//   d loss / d z_c = a ((h + sum k + 2 z_loss lse) p_c - k_c - h [c = t])
//   d loss / d q_c = a (1 - e) w_c (lse - z_c)
// For a class of more than half of the probability, p - 1 is taken as -(the share of the others), see row_state.wgsl: loss and
// gradient keep their relative accuracy at any confidence. Row results and special rows: CrossEntropyResult and FaultPolicy of the library.
// Needs: params.wgsl, words.wgsl, numerics.wgsl, quads.wgsl, row_state.wgsl, stats_row.wgsl, target.wgsl, row_factor.wgsl,
// state_out.wgsl, target_gradient.wgsl, or the parts that stand in for them.

// Whether there are results of rows other than the loss and the status.
override DETAILS: bool = false;

const FAULT_TARGET: u32 = 1u;
const FAULT_NAN: u32 = 2u;
const FAULT_INFINITY: u32 = 3u;
const FAULT_MASKED: u32 = 4u;

// Added to the fault of a row that has no loss anyway: it counts neither as a fault nor as predicted right.
const UNCOUNTED: u32 = 16u;

struct Finish {
    max: f32,
    leads: bool,        // a class of the largest logit has more than half of the probability
    log_sum: f32,       // lse - max
    pull: f32,          // exp(z - max) times this is the part of the gradient with p
    top: f32,           // that part for the class that leads, less h and the sum of k
    hard: f32,          // h
    soft: f32,          // 1 - e
    even: f32,          // e / K
    labels: f32,        // sum k
    scale: f32,         // a, times the upstream gradient, over the denominator
    column: u32,        // the target
    filled: bool,       // the whole gradient is `fill`
    fill: f32,
    spoiled: bool,      // the whole gradient with respect to the targets is `target_fill`
    target_fill: f32,
    transform: Transform,
    loss: f32,
    logsumexp: f32,
    log_prob: f32,
    entropy: f32,
    z_loss: f32,
    best: u32,
    ahead: u32,
    status: u32,
}

fn skips(row: u32) -> bool {
    let needed = KEEPS_STATE || (DETAILS && (params.lse != NONE || params.argmax != NONE || params.entropy != NONE));
    return !needed && target_of(row).ignored;
}

fn fault_of(own_target: Target, stats: Stats) -> u32 {
    if !own_target.named {
        return FAULT_TARGET;
    }
    if has_nan(stats) || (LABELS && (stats.flags & LABEL_NOT_FINITE) != 0u) {
        return FAULT_NAN;
    }
    if has_infinity(stats) {
        return FAULT_INFINITY;
    }
    return select(0u, FAULT_MASKED, stats.count == 0.0);
}

// A sum of k (lse - z) whose infinite terms were left out of it and flagged instead.
fn with_infinities(value: f32, positive: bool, negative: bool) -> f32 {
    if positive && negative {
        return not_a_number();
    }
    if positive || negative {
        return special(select(NEGATIVE_INFINITY_BITS, POSITIVE_INFINITY_BITS, positive));
    }
    // The flags tell of all infinite logits: what is not finite here overflowed.
    return select(special(POSITIVE_INFINITY_BITS), value, is_finite(value));
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    let own_target = target_of(row);
    let ignored = own_target.ignored;
    let weight = row_weight(row);
    let idle = ignored || weight == 0.0;
    let held = fault_of(own_target, stats);
    let fault = select(held, 0u, idle);
    let others = others_of(stats);
    let log_sum = log1p(others);
    let logsumexp = logsumexp_of(stats, log_sum);
    let column = own_target.column;

    var hard = 0.0;
    var log_prob = 0.0;
    if params.targets != NONE && own_target.named {
        hard = (1.0 - params.smoothing) * weight_of(own_target.word);
        let own = bitcast<f32>(stats.target_bits);
        log_prob = -((stats.max - own) + log_sum);
        if stats.target_bits == NEGATIVE_INFINITY_BITS {
            log_prob = negative_infinity();
        }
    }
    var loss = 0.0;
    if hard != 0.0 {
        loss = -hard * log_prob;
    }
    let soft = 1.0 - params.smoothing;
    var labels = 0.0;
    if LABELS && soft != 0.0 {
        labels = soft * stats.label_sum;
        let part = soft * (stats.label_dot + stats.label_sum * log_sum);
        loss += with_infinities(part, (stats.flags & LABEL_INFINITE) != 0u, (stats.flags & LABEL_NEGATIVE) != 0u);
    }
    var even = 0.0;
    if SMOOTHS {
        even = params.smoothing / f32(max(stats.allowed, 1u));
        labels += even * stats.smooth_sum;
        let part = even * (stats.smooth_dot + stats.smooth_sum * log_sum);
        loss += with_infinities(part, (stats.flags & SMOOTH_INFINITE) != 0u, (stats.flags & SMOOTH_NEGATIVE) != 0u);
    }
    var z_loss = 0.0;
    var lift = 0.0;
    if params.z_loss != 0.0 {
        z_loss = params.z_loss * logsumexp * logsumexp;
        loss += z_loss;
        lift = 2.0 * params.z_loss * logsumexp;
    }

    let sum = 1.0 + others;
    var entropy = 0.0;
    if TRACK_ENTROPY {
        entropy = log_sum + spread_of(stats) / sum;
    }
    // 0 also where the mean is over nothing.
    let factor = select(weight * row_factor(row), 0.0, idle);
    let pull = hard + labels + lift;
    let no_labels = !LABELS || soft == 0.0 || (stats.flags & LABEL_PRESENT) == 0u;
    let no_smoothing = !SMOOTHS || (stats.flags & SMOOTH_PRESENT) == 0u;
    let nothing = hard == 0.0 && no_labels && no_smoothing && params.z_loss == 0.0;
    var finish = Finish(
        stats.max,
        others < 1.0,
        log_sum,
        pull / sum,
        lift / sum - (hard + labels) * (others / sum),
        hard,
        soft,
        even,
        labels,
        factor,
        column,
        idle || fault != 0u || nothing,
        0.0,
        fault != 0u,
        0.0,
        transform_of(row),
        weight * loss,
        logsumexp,
        log_prob,
        entropy,
        weight * z_loss,
        stats.best,
        stats.ahead,
        select(fault, UNCOUNTED + held, idle && held != 0u),
    );
    if has_nan(stats) || (stats.flags & NO_BEST) != 0u {
        finish.best = NONE;
    }
    if has_nan(stats) || (stats.flags & NO_RANK) != 0u {
        finish.ahead = NONE;
    }
    if (stats.flags & NO_SPREAD) != 0u {
        finish.entropy = not_a_number();
    }
    // The mean over nothing: told by bits, not carried by arithmetic.
    if (bitcast<u32>(factor) & MAGNITUDE_BITS) > POSITIVE_INFINITY_BITS && !idle && fault == 0u {
        finish.filled = true;
        finish.fill = select(not_a_number(), 0.0, nothing);
        finish.spoiled = true;
        finish.target_fill = not_a_number();
    }
    if has_nan(stats) || has_infinity(stats) || stats.count == 0.0 {
        finish.log_prob = not_a_number();
        finish.entropy = not_a_number();
    }
    if fault != 0u {
        let spoil = select(not_a_number(), 0.0, params.zero_faults == 1u);
        finish.fill = select(spoil, 0.0, is_empty_zero());
        finish.target_fill = finish.fill;
        finish.loss = spoil;
        finish.z_loss = select(spoil, 0.0, params.z_loss == 0.0);
        finish.log_prob = not_a_number();
    }
    if held == FAULT_TARGET {
        finish.log_prob = not_a_number();
        finish.ahead = NONE;
    }
    if idle {
        finish.loss = 0.0;
        finish.z_loss = 0.0;
    }
    if ignored {
        finish.log_prob = 0.0;
        finish.ahead = NONE;
    }
    return finish;
}

fn write_row(row: u32, stats: Stats, finish: Finish) {
    put_row(params.loss, row, bitcast<u32>(finish.loss));
    if DETAILS {
        put_row(params.lse, row, bitcast<u32>(finish.logsumexp));
        put_row(params.log_prob, row, bitcast<u32>(finish.log_prob));
        put_row(params.argmax, row, finish.best);
        put_row(params.rank, row, finish.ahead);
        put_row(params.entropy, row, bitcast<u32>(finish.entropy));
        put_row(params.z_loss_part, row, bitcast<u32>(finish.z_loss));
    }
    put_row(params.status, row, finish.status);
    keep_state(row, stats);
}

fn element(row: u32, quad: u32, x: vec4<f32>, finish: Finish) -> vec4<f32> {
    let z = transformed(finish.transform, x);
    let allowed = allowed4(row, quad);
    let hot = select(vec4(0.0), vec4(finish.hard), is_column(quad, finish.column));
    var k = vec4(0.0);
    var w = vec4(1.0);
    if LABELS || SMOOTHS || TARGET_GRADIENT {
        w = weight4(row, quad);
    }
    if LABELS {
        k = select(finish.soft * (w * label4(row, quad)), vec4(0.0), w == vec4(0.0));
    }
    if SMOOTHS {
        k += finish.even * w;
    }
    var g = exp4(z - finish.max) * finish.pull - k - hot;
    if finish.leads {
        g = select(g, finish.top + ((finish.labels - k) + (finish.hard - hot)), z == vec4(finish.max));
    }
    g = pulled_back(finish.transform, g * finish.scale, x);
    g = select(g, vec4(finish.fill), finish.filled);
    if TARGET_GRADIENT {
        store_target_quad(row, quad, target_gradient4(row, quad, z, w, finish));
    }
    if MASKED {
        g = select(vec4(0.0), g, allowed);
    }
    return g;
}

fn target_gradient4(row: u32, quad: u32, z: vec4<f32>, w: vec4<f32>, finish: Finish) -> vec4<f32> {
    let distance = (finish.max - z) + finish.log_sum;
    let infinite = bitcast<vec4<u32>>(z) == vec4(NEGATIVE_INFINITY_BITS);
    let own = finish.soft * w;
    let coefficient = finish.scale * own;
    let value = coefficient * select(distance, vec4(special(POSITIVE_INFINITY_BITS)), infinite);
    // A label of 0 against -inf is not there.
    let absent = infinite & (label4(row, quad) == vec4(0.0));
    let faulty = finish.status != 0u && finish.status < UNCOUNTED;
    let counts = allowed4(row, quad) & (vec4(faulty) | ((magnitude4(own) != vec4(0u)) & (magnitude4(coefficient) != vec4(0u)) & !absent));
    // Nothing of a row that does not count; NaN, or 0 by choice, of one that cannot.
    return select(vec4(0.0), select(value, vec4(finish.target_fill), finish.spoiled), counts);
}
