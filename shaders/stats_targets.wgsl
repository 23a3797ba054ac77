// Statistics of a vector of targets: how many count, what they weigh, how many are wrong, and the first wrong one.
// The vector is one row, read by vector.wgsl; its quads are four targets each. Rows whose targets are probabilities all count.
// Needs: params.wgsl, words.wgsl, numerics.wgsl, target.wgsl; weight_of.

struct Stats {
    valid: u32,
    bad: u32,
    bad_row: u32,       // NONE if there is none
    bad_target: u32,
    weights: f32,       // sum of w_t, the class weights of the targets
    all_weights: f32,   // sum of a w_t, a the row weights
}

struct State {
    valid: u32,
    bad: u32,
    bad_row: u32,
    bad_target: u32,
    weights: Sum,
    all_weights: Sum,
}

fn empty() -> Stats {
    return Stats(0u, 0u, NONE, 0u, 0.0, 0.0);
}

fn begin(row: u32) -> State {
    return State(0u, 0u, NONE, 0u, Sum(0.0, 0.0), Sum(0.0, 0.0));
}

fn absorb_one(before: State, i: u32) -> State {
    if i >= params.classes || is_ignored(i) {
        return before;
    }
    var state = before;
    if !names_class(i) {
        state.bad += 1u;
        if i < state.bad_row {
            state.bad_row = i;
            state.bad_target = words[params.targets + i];
        }
        return state;
    }
    var weight = 1.0;
    if params.targets != NONE {
        weight = weight_of(words[params.targets + i]);
    }
    state.valid += 1u;
    state.weights = add(state.weights, weight);
    if params.row_weights != NONE {
        weight *= word_of(params.row_weights, i);
    }
    state.all_weights = add(state.all_weights, weight);
    return state;
}

fn close(state: State, row: u32, lanes: u32) -> Stats {
    return Stats(state.valid, state.bad, state.bad_row, state.bad_target, value_of(state.weights), value_of(state.all_weights));
}

fn combine(a: Stats, b: Stats) -> Stats {
    return Stats(
        a.valid + b.valid,
        a.bad + b.bad,
        min(a.bad_row, b.bad_row),
        select(b.bad_target, a.bad_target, a.bad_row <= b.bad_row),
        a.weights + b.weights,
        a.all_weights + b.all_weights,
    );
}
