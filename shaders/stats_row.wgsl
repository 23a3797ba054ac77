// Reads a row into its state, in one pass: sixteen values at a time, what of them is kept apart, then the exponentials of the others,
// the block sums added with Kahan's correction, so that errors do not grow with the number of classes.
// A class that does not take part, or is past the row's end, is read as -inf.
// NaN and the infinities are found in the bits of the logits: arithmetic with them differs between adapters.
// Needs: params.wgsl, layout.wgsl, numerics.wgsl, quads.wgsl, row_state.wgsl; Transform; allowed4; weight4; label4; target_column.

override TRACK_ARGMAX: bool = false;
override TRACK_RANK: bool = false;
override TRACK_ENTROPY: bool = false;
override SMOOTHS: bool = false;

// Quads of the last block of a row that a thread keeps: short_row.wgsl, kept_row.wgsl.
override LAST_QUADS: u32 = 4u;

// How far the largest of the other values may be above what their sums are relative to.
const LAG: f32 = 1.0;

struct State {
    peaks: vec4<f32>,   // kept apart: of all quads the largest first, second, third and fourth value
    max: f32,
    count: f32,
    second: f32,
    rest: Sum,
    spread: Sum,
    label_sum: Sum,
    label_dot: Sum,
    smooth_sum: Sum,
    smooth_dot: Sum,
    magnitude: u32,
    best_quad: u32,
    first: u32,         // the first class that takes part, while no best is known
    ahead: u32,
    allowed: u32,
    flags: u32,
    own: f32,           // the target's logit, if its rank is tracked
    own_bits: u32,      // its bits, once it is read; 0 if it is not here
    column: u32,        // the target
    place: u32,         // where it stands among equals: behind them all if it does not take part
    fill: f32,
    transform: Transform,
}

fn begin(row: u32) -> State {
    let zero = Sum(0.0, 0.0);
    let fill = negative_infinity();
    let transform = transform_of(row);
    let column = target_column(row);
    var own = 0.0;
    var place = column;
    if TRACK_RANK {
        own = own_logit(row, column, transform, fill);
        place = select(NONE, column, column < classes() && allowed1(row, min(column, classes() - 1u)));
    }
    return State(
        vec4(fill), LOWEST, 0.0, LOWEST, zero, zero, zero, zero, zero, zero,
        0u, NONE, NONE, 0u, 0u, 0u, own, 0u, column, place, fill, transform,
    );
}

// The transformed logit of the target, -inf if it does not take part, 0 if it is not here.
fn own_logit(row: u32, column: u32, transform: Transform, fill: f32) -> f32 {
    if column >= classes() {
        return 0.0;
    }
    let z = transformed(transform, vec4(load_one(row, column))).x;
    return select(fill, z, allowed1(row, column));
}

// The transformed logits of a quad that is all within the row.
fn logit4(state: State, row: u32, quad: u32, x: vec4<f32>) -> vec4<f32> {
    let z = transformed(state.transform, x);
    if MASKED {
        return select(vec4(state.fill), z, allowed4(row, quad));
    }
    return z;
}

fn padded_logit4(state: State, row: u32, quad: u32, x: vec4<f32>) -> vec4<f32> {
    return select(vec4(state.fill), transformed(state.transform, x), takes_part(row, quad));
}

fn is_inside(quad: u32) -> vec4<bool> {
    return vec4(4u * quad) + vec4(0u, 1u, 2u, 3u) < vec4(classes());
}

fn takes_part(row: u32, quad: u32) -> vec4<bool> {
    return is_inside(quad) & allowed4(row, quad);
}

struct Parted {
    peaks: vec4<f32>,
    others: vec4<f32>,
}

// The larger is kept apart from now on, the smaller joins the others: nothing has to be found later and taken out of a sum.
fn part(peaks: vec4<f32>, z: vec4<f32>) -> Parted {
    return Parted(max(peaks, z), min(peaks, z));
}

// A sum of w (m - z) when m rises, as `moved` has it, without loss of what a row that ascends would lose at each step.
fn moved_on(dot: Sum, sum: f32, by: f32) -> Sum {
    if sum == 0.0 {
        return dot;
    }
    return add(dot, sum * by);
}

// Whether the largest must be known before the row's end.
fn follows() -> bool {
    return TRACK_ARGMAX || LABELS || SMOOTHS;
}

// Takes in that the largest of all values until now is `highest`. Their sums follow.
fn raise(before: State, highest: f32, quad: u32) -> State {
    var state = before;
    state.count = select(1.0, 0.0, bitcast<u32>(highest) == NEGATIVE_INFINITY_BITS);
    if TRACK_ARGMAX {
        if highest > state.max || (highest == state.max && state.best_quad == NONE) {
            state.best_quad = quad;
        }
    }
    if highest > state.max {
        let by = highest - state.max;
        if LABELS {
            state.label_dot = moved_on(state.label_dot, state.label_sum.value, by);
        }
        if SMOOTHS {
            state.smooth_dot = moved_on(state.smooth_dot, state.smooth_sum.value, by);
        }
        state.max = highest;
    }
    return state;
}

// Prepares the sums for values whose maximum is `highest`. Each change of what the sums are relative to rounds them, and there would
// be one for each block of a row that ascends: it may stay below the largest by LAG.
fn raise_others(before: State, highest: f32) -> State {
    var state = before;
    if highest > state.second + LAG {
        let by = highest - state.second;
        let factor = exp1(-by);
        if TRACK_ENTROPY {
            state.spread.value = select((state.spread.value + state.rest.value * by) * factor, 0.0, factor == 0.0);
            state.spread.low *= factor;
        }
        state.rest.value *= factor;
        state.rest.low *= factor;
        state.second = highest;
    }
    return state;
}

// The terms of exp(z - s) (s - z); 0 where the exponential is.
fn spread4(e: vec4<f32>, z: vec4<f32>, s: vec4<f32>) -> vec4<f32> {
    return select(e * (s - z), vec4(0.0), e == vec4(0.0));
}

fn largest_of(z: Block) -> f32 {
    return largest(max(max(z.a, z.b), max(z.c, z.d)));
}

fn absorb_block(before: State, row: u32, quad: u32, step: u32, x: Block) -> State {
    let a = logit4(before, row, quad, x.a);
    let b = logit4(before, row, quad + step, x.b);
    let c = logit4(before, row, quad + 2u * step, x.c);
    let d = logit4(before, row, quad + 3u * step, x.d);
    return absorb_logits(before, row, quad, step, Block(a, b, c, d), 4u);
}

// The last block of a row, of LAST_QUADS quads, the last of which may be partial.
fn absorb_last(before: State, row: u32, quad: u32, x: Block) -> State {
    return absorb_logits(before, row, quad, 1u, padded_block(before, row, quad, x), LAST_QUADS);
}

// A block z of transformed logits, of so many quads: a number that the compiler knows.
fn absorb_logits(before: State, row: u32, quad: u32, step: u32, z: Block, quads: u32) -> State {
    let at_a = part(before.peaks, z.a);
    let at_b = part(at_a.peaks, z.b);
    let at_c = part(at_b.peaks, z.c);
    let at_d = part(at_c.peaks, z.d);
    let others = Block(at_a.others, at_b.others, at_c.others, at_d.others);
    var state = before;
    if follows() {
        state = raise(state, largest(at_d.peaks), quad);
    }
    state.peaks = at_d.peaks;
    state = raise_others(state, largest_of(others));
    return absorb_sums(state, row, quad, step, z, others, quads);
}

// The transformed logits of a row's last block; what is not there is -inf.
fn padded_block(state: State, row: u32, quad: u32, x: Block) -> Block {
    let nothing = vec4(state.fill);
    var z = Block(padded_logit4(state, row, quad, x.a), nothing, nothing, nothing);
    if LAST_QUADS > 1u {
        z.b = padded_logit4(state, row, quad + 1u, x.b);
    }
    if LAST_QUADS > 2u {
        z.c = padded_logit4(state, row, quad + 2u, x.c);
    }
    if LAST_QUADS > 3u {
        z.d = padded_logit4(state, row, quad + 3u, x.d);
    }
    return z;
}

// The three that are below the largest, and -inf.
fn below_largest(peaks: vec4<f32>) -> vec4<f32> {
    let high = max(peaks.xy, peaks.zw);
    return vec4(min(peaks.xy, peaks.zw), min(high.x, high.y), negative_infinity());
}

// A row of no more quads than a block; the last may be partial. Nothing was before it, so nothing is to be moved.
fn absorb_short(before: State, row: u32, x: Block) -> State {
    let z = padded_block(before, row, 0u, x);
    let at_b = part(z.a, z.b);
    let at_c = part(at_b.peaks, z.c);
    let at_d = part(at_c.peaks, z.d);
    let others = Block(below_largest(at_d.peaks), at_b.others, at_c.others, at_d.others);
    var state = raise(before, largest(at_d.peaks), 0u);
    state.second = max(LOWEST, largest_of(others));
    if TARGETED {
        state.own_bits = bits_at(z, select(NONE, state.column, state.column < classes()));
    }
    return absorb_sums(state, row, 0u, 1u, z, others, LAST_QUADS);
}

// The bits of one of the values of a row's only block: chosen in registers, where reading it again takes a number of lanes longer. 0 if it
// is not there.
fn bits_at(z: Block, column: u32) -> u32 {
    let a = select(vec4(0u), bitcast<vec4<u32>>(z.a), is_column(0u, column));
    let b = select(a, bitcast<vec4<u32>>(z.b), is_column(1u, column));
    let c = select(b, bitcast<vec4<u32>>(z.c), is_column(2u, column));
    let d = select(c, bitcast<vec4<u32>>(z.d), is_column(3u, column));
    return (d.x | d.y) | (d.z | d.w);
}

// Adds the quads of a block z of transformed logits to the sums; `others`: what is not kept apart once z is there.
fn absorb_sums(before: State, row: u32, quad: u32, step: u32, z: Block, others: Block, quads: u32) -> State {
    var state = before;
    let s = vec4(state.second);
    let ea = exp4(others.a - s);
    var eb = vec4(0.0);
    var ec = vec4(0.0);
    var ed = vec4(0.0);
    if quads > 1u {
        eb = exp4(others.b - s);
    }
    if quads > 2u {
        ec = exp4(others.c - s);
    }
    if quads > 3u {
        ed = exp4(others.d - s);
    }
    state.rest = add(state.rest, total((ea + eb) + (ec + ed)));
    if TRACK_ENTROPY {
        let first = spread4(ea, others.a, s) + spread4(eb, others.b, s);
        let last = spread4(ec, others.c, s) + spread4(ed, others.d, s);
        state.spread = add(state.spread, total(first + last));
    }
    let magnitudes = max(max(magnitude4(z.a), magnitude4(z.b)), max(magnitude4(z.c), magnitude4(z.d)));
    state.magnitude = max(state.magnitude, largest_bits(magnitudes));
    state = absorb_terms(state, row, quad, z.a);
    if quads > 1u {
        state = absorb_terms(state, row, quad + step, z.b);
    }
    if quads > 2u {
        state = absorb_terms(state, row, quad + 2u * step, z.c);
    }
    if quads > 3u {
        state = absorb_terms(state, row, quad + 3u * step, z.d);
    }
    return state;
}

// Adds four values that are not kept apart to the sums.
fn add_others(before: State, others: vec4<f32>) -> State {
    var state = raise_others(before, largest(others));
    let s = vec4(state.second);
    let e = exp4(others - s);
    state.rest = add(state.rest, total(e));
    if TRACK_ENTROPY {
        state.spread = add(state.spread, total(spread4(e, others, s)));
    }
    return state;
}

fn absorb_quad(before: State, row: u32, quad: u32, x: vec4<f32>) -> State {
    let z = padded_logit4(before, row, quad, x);
    let parted = part(before.peaks, z);
    var state = before;
    if follows() {
        state = raise(state, largest(parted.peaks), quad);
    }
    state.peaks = parted.peaks;
    state = add_others(state, parted.others);
    state.magnitude = max(state.magnitude, largest_bits(magnitude4(z)));
    return absorb_terms(state, row, quad, z);
}

// What is counted or weighed class by class, once the maximum is raised.
fn absorb_terms(before: State, row: u32, quad: u32, z: vec4<f32>) -> State {
    var state = before;
    if TRACK_ARGMAX {
        state.first = first_part(state, row, quad);
    }
    if TRACK_RANK {
        let first = vec4(4u * quad) + vec4(0u, 1u, 2u, 3u) < vec4(state.place);
        let ahead = (z > vec4(state.own)) | ((z == vec4(state.own)) & first);
        state.ahead += number_of(ahead & takes_part(row, quad));
    }
    if LABELS || SMOOTHS {
        let counts = takes_part(row, quad);
        let w = select(vec4(0.0), weight4(row, quad), counts);
        let missing = bitcast<vec4<u32>>(z) == vec4(NEGATIVE_INFINITY_BITS);
        let distance = select(vec4(state.max) - z, vec4(0.0), missing);
        if SMOOTHS {
            state.allowed += number_of(counts);
            state.smooth_sum = add(state.smooth_sum, total(w));
            state.smooth_dot = add(state.smooth_dot, total(w * distance));
            state.flags |= select(0u, SMOOTH_PRESENT, any(w != vec4(0.0)));
            state.flags |= select(0u, SMOOTH_INFINITE, any(missing & (w > vec4(0.0))));
            state.flags |= select(0u, SMOOTH_NEGATIVE, any(missing & (w < vec4(0.0))));
        }
        if LABELS {
            let given = select(vec4(0.0), label4(row, quad), counts);
            let k = w * select(vec4(0.0), given, w != vec4(0.0));
            state.flags |= select(0u, LABEL_PRESENT, any((given != vec4(0.0)) & (w != vec4(0.0))));
            state.label_sum = add(state.label_sum, total(k));
            state.label_dot = add(state.label_dot, total(k * distance));
            state.flags |= select(0u, LABEL_INFINITE, any(missing & (k > vec4(0.0))));
            state.flags |= select(0u, LABEL_NEGATIVE, any(missing & (k < vec4(0.0))));
            state.flags |= select(0u, LABEL_NOT_FINITE, any(magnitude4(given) >= vec4(POSITIVE_INFINITY_BITS)));
        }
    }
    return state;
}

// The first class that takes part, to name one of a row where all of them are -inf.
fn first_part(state: State, row: u32, quad: u32) -> u32 {
    if state.first != NONE || state.best_quad != NONE {
        return state.first;
    }
    let found = takes_part(row, quad);
    return select(NONE, params.first_class + 4u * quad + place_of(found), any(found));
}

// The first of four.
fn place_of(found: vec4<bool>) -> u32 {
    return select(select(select(3u, 2u, found.z), 1u, found.y), 0u, found.x);
}

// The first class that equals the maximum: it is in the block that last raised it.
fn find_best(state: State, row: u32, lanes: u32) -> u32 {
    if state.best_quad == NONE {
        return state.first;
    }
    for (var i = 0u; i < 4u; i += 1u) {
        let quad = state.best_quad + i * lanes;
        if 4u * quad < classes() {
            let found = padded_logit4(state, row, quad, load_padded(row, quad)) == vec4(state.max);
            if any(found) {
                return params.first_class + 4u * quad + place_of(found);
            }
        }
    }
    return NONE;
}

// Of the four that are kept apart only the largest stays so.
fn close(before: State, row: u32, lanes: u32) -> Stats {
    var state = before;
    if !follows() {
        state = raise(state, largest(state.peaks), 0u);
    }
    state = add_others(state, below_largest(state.peaks));
    if TARGETED {
        state.own_bits = bitcast<u32>(own_logit(row, state.column, state.transform, state.fill));
    }
    return close_short(state, row, lanes);
}

// After absorb_short, where it is the only one already.
fn close_short(state: State, row: u32, lanes: u32) -> Stats {
    var stats = empty();
    stats.max = state.max;
    stats.count = state.count;
    stats.second = state.second;
    stats.rest = value_of(state.rest);
    stats.spread = value_of(state.spread);
    stats.label_sum = value_of(state.label_sum);
    stats.label_dot = value_of(state.label_dot);
    stats.smooth_sum = value_of(state.smooth_sum);
    stats.smooth_dot = value_of(state.smooth_dot);
    stats.magnitude = state.magnitude;
    stats.ahead = state.ahead;
    stats.allowed = state.allowed;
    stats.flags = state.flags;
    stats.flags |= select(NO_LABELS, 0u, LABELS) | select(NO_SMOOTHING, 0u, SMOOTHS);
    stats.flags |= select(NO_BEST, 0u, TRACK_ARGMAX) | select(NO_RANK, 0u, TRACK_RANK) | select(NO_SPREAD, 0u, TRACK_ENTROPY);
    if TRACK_ARGMAX {
        stats.best = find_best(state, row, lanes);
    }
    stats.target_bits = state.own_bits;
    return stats;
}
