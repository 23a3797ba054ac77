// Statistics of a vector of row losses: their sum, with Kahan's correction, how many rows were predicted right, and faulty rows.
// The vector is one row, read by vector.wgsl; its quads are four losses each. Infinite and NaN losses are kept out of the sum
// and told apart by their bits, since infinity spoils the correction.
// Needs: params.wgsl, words.wgsl, numerics.wgsl, vector.wgsl.

// Whether there are results of rows other than the loss and the status: classes with the largest logit, ranks.
override DETAILS: bool = false;

const HAS_NAN: u32 = 1u;
const HAS_POSITIVE: u32 = 2u;   // +inf
const HAS_NEGATIVE: u32 = 4u;   // -inf

struct Stats {
    sum: f32,
    flags: u32,
    correct: u32,
    correct_top_k: u32,
    nan: u32,
    nan_row: u32,       // NONE if there is none, as the next two
    infinite: u32,
    infinite_row: u32,
    masked: u32,
    masked_row: u32,
}

struct State {
    sum: Sum,
    other: Stats,
}

fn empty() -> Stats {
    return Stats(0.0, 0u, 0u, 0u, 0u, NONE, 0u, NONE, 0u, NONE);
}

fn begin(row: u32) -> State {
    return State(Sum(0.0, 0.0), empty());
}

fn absorb_four(before: State, i: u32, inside: vec4<bool>) -> State {
    var state = before;
    let bits = four_words(params.loss, i);
    let finite = (bits & vec4(MAGNITUDE_BITS)) < vec4(POSITIVE_INFINITY_BITS);
    state.sum = add(state.sum, total(select(vec4(0.0), bitcast<vec4<f32>>(bits), inside & finite)));
    let nan = (bits & vec4(MAGNITUDE_BITS)) > vec4(POSITIVE_INFINITY_BITS);
    state.other.flags |= select(0u, HAS_NAN, any(inside & nan));
    state.other.flags |= select(0u, HAS_POSITIVE, any(inside & (bits == vec4(POSITIVE_INFINITY_BITS))));
    state.other.flags |= select(0u, HAS_NEGATIVE, any(inside & (bits == vec4(NEGATIVE_INFINITY_BITS))));
    if params.status == NONE {
        return state;
    }
    let status = four_words(params.status, i);
    if DETAILS && params.targets != NONE && (params.argmax != NONE || params.rank != NONE) {
        let targets = four_words(params.targets, i);
        // The status of an ignored row is not 0 either: cross_entropy.wgsl.
        let counts = inside & (status == vec4(0u));
        if params.argmax != NONE {
            state.other.correct += number_of(counts & (four_words(params.argmax, i) == targets));
        }
        if params.rank != NONE {
            state.other.correct_top_k += number_of(counts & (four_words(params.rank, i) < vec4(params.top_k)));
        }
    }
    let faulty = inside & (status != vec4(0u)) & (status < vec4(16u));
    if any(faulty) {
        let with_nan = inside & (status == vec4(2u));
        let infinite = inside & (status == vec4(3u));
        let masked = inside & (status == vec4(4u));
        state.other.nan += number_of(with_nan);
        state.other.infinite += number_of(infinite);
        state.other.masked += number_of(masked);
        state.other.nan_row = first_row(state.other.nan_row, i, with_nan);
        state.other.infinite_row = first_row(state.other.infinite_row, i, infinite);
        state.other.masked_row = first_row(state.other.masked_row, i, masked);
    }
    return state;
}

fn close(state: State, row: u32, lanes: u32) -> Stats {
    var stats = state.other;
    stats.sum = value_of(state.sum);
    return stats;
}

fn combine(a: Stats, b: Stats) -> Stats {
    return Stats(
        a.sum + b.sum,
        a.flags | b.flags,
        a.correct + b.correct,
        a.correct_top_k + b.correct_top_k,
        a.nan + b.nan,
        min(a.nan_row, b.nan_row),
        a.infinite + b.infinite,
        min(a.infinite_row, b.infinite_row),
        a.masked + b.masked,
        min(a.masked_row, b.masked_row),
    );
}
