// Statistics of a vector of row losses: their sum, with Kahan's correction, and how many rows were predicted right.
// The vector is one row, read by vector.wgsl; its quads are four losses each. Infinite and NaN losses are kept out of the sum
// and told apart by their bits, since infinity spoils the correction.
// Needs: params.wgsl, numerics.wgsl, targets.wgsl.

@group(0) @binding(6) var<storage, read> row_out: array<u32>;

struct Stats {
    sum: f32,
    magnitude: u32,
    correct: u32,
}

struct State {
    sum: Sum,
    magnitude: u32,
    correct: u32,
}

fn empty() -> Stats {
    return Stats(0.0, 0u, 0u);
}

fn begin(row: u32) -> State {
    return State(Sum(0.0, 0.0), 0u, 0u);
}

fn absorb_one(before: State, i: u32) -> State {
    if i >= params.classes {
        return before;
    }
    var state = before;
    let bits = row_out[params.loss_start + i];
    let magnitude = bits & MAGNITUDE_BITS;
    state.magnitude = max(state.magnitude, magnitude);
    if magnitude < POSITIVE_INFINITY_BITS {
        state.sum = add(state.sum, bitcast<f32>(bits));
    }
    if params.argmax_start != NONE {
        let column = target_of(i);
        if !is_ignored(column) && row_out[params.argmax_start + i] == column {
            state.correct += 1u;
        }
    }
    return state;
}

fn close(state: State, row: u32, lanes: u32) -> Stats {
    return Stats(state.sum.value - state.sum.low, state.magnitude, state.correct);
}

fn combine(a: Stats, b: Stats) -> Stats {
    return Stats(a.sum + b.sum, max(a.magnitude, b.magnitude), a.correct + b.correct);
}
