// Statistics of a vector of targets: how many count, what they weigh, how many are wrong, and the first wrong one.
// The vector is one row, read by vector.wgsl; its quads are four targets each. Rows whose targets are probabilities all count.
// Needs: params.wgsl, words.wgsl, numerics.wgsl, vector.wgsl; weights_of.

// Whether rows have weights or upstream gradients.
override ROW_FACTORS: bool = false;

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
    weights: Sum,
    all_weights: Sum,
}

fn empty() -> Stats {
    return Stats(0u, 0u, NONE, 0u, 0.0, 0.0);
}

fn begin(row: u32) -> State {
    return State(0u, 0u, NONE, Sum(0.0, 0.0), Sum(0.0, 0.0));
}

fn absorb_four(before: State, i: u32, inside: vec4<bool>) -> State {
    var state = before;
    var named = inside;
    var weights = vec4(1.0);
    if params.targets != NONE {
        let targets = four_words(params.targets, i);
        let ignored = (targets == vec4(params.ignore_index)) & vec4(params.ignores == 1u);
        named = inside & (targets < vec4(params.bound)) & !ignored;
        let bad = inside & !ignored & !named;
        state.bad_row = first_row(state.bad_row, i, bad);
        state.bad += number_of(bad);
        weights = weights_of(select(vec4(0u), targets, named));
    }
    state.valid += number_of(named);
    if WEIGHTED {
        state.weights = add(state.weights, total(select(vec4(0.0), weights, named)));
    }
    if ROW_FACTORS {
        if params.row_weights != NONE {
            weights *= bitcast<vec4<f32>>(four_words(params.row_weights, i));
        }
        state.all_weights = add(state.all_weights, total(select(vec4(0.0), weights, named)));
    }
    return state;
}

fn close(state: State, row: u32, lanes: u32) -> Stats {
    var bad_target = 0u;
    if state.bad_row != NONE {
        bad_target = words[params.targets + state.bad_row];
    }
    let weights = select(f32(state.valid), value_of(state.weights), WEIGHTED);
    let all_weights = select(weights, value_of(state.all_weights), ROW_FACTORS);
    return Stats(state.valid, state.bad, state.bad_row, bad_target, weights, all_weights);
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
