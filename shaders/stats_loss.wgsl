// Statistics of a vector of row losses: their sum, with Kahan's correction, how many rows were predicted right, and faulty rows.
// The vector is one row, read by vector.wgsl; its quads are four losses each. Infinite and NaN losses are kept out of the sum
// and told apart by their bits, since infinity spoils the correction.
// Needs: params.wgsl, words.wgsl, numerics.wgsl, target.wgsl.

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

fn flags_of(bits: u32) -> u32 {
    if (bits & MAGNITUDE_BITS) < POSITIVE_INFINITY_BITS {
        return 0u;
    }
    if (bits & MAGNITUDE_BITS) > POSITIVE_INFINITY_BITS {
        return HAS_NAN;
    }
    return select(HAS_NEGATIVE, HAS_POSITIVE, bits == POSITIVE_INFINITY_BITS);
}

fn absorb_one(before: State, i: u32) -> State {
    if i >= params.classes {
        return before;
    }
    var state = before;
    let bits = words[params.loss + i];
    let flags = flags_of(bits);
    state.other.flags |= flags;
    if flags == 0u {
        state.sum = add(state.sum, bitcast<f32>(bits));
    }
    if params.targets != NONE && names_class(i) {
        if params.argmax != NONE && words[params.argmax + i] == words[params.targets + i] {
            state.other.correct += 1u;
        }
        if params.rank != NONE && words[params.rank + i] < params.top_k {
            state.other.correct_top_k += 1u;
        }
    }
    if params.status != NONE {
        switch words[params.status + i] {
            case 2u: {
                state.other.nan += 1u;
                state.other.nan_row = min(state.other.nan_row, i);
            }
            case 3u: {
                state.other.infinite += 1u;
                state.other.infinite_row = min(state.other.infinite_row, i);
            }
            case 4u: {
                state.other.masked += 1u;
                state.other.masked_row = min(state.other.masked_row, i);
            }
            default: {}
        }
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
