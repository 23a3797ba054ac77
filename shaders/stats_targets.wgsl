// Statistics of a vector of targets: how many count, how many are wrong, and the first wrong one.
// The vector is one row, read by vector.wgsl; its quads are four targets each.
// Needs: params.wgsl, targets.wgsl.

struct Stats {
    valid: u32,
    bad: u32,
    bad_row: u32,       // NONE if there is none
    bad_target: u32,
}

alias State = Stats;

fn empty() -> Stats {
    return Stats(0u, 0u, NONE, 0u);
}

fn begin(row: u32) -> State {
    return empty();
}

fn absorb_one(before: State, i: u32) -> State {
    if i >= params.classes {
        return before;
    }
    let column = target_of(i);
    var state = before;
    if !is_ignored(column) {
        if column < params.bound {
            state.valid += 1u;
        } else {
            state.bad += 1u;
            if i < state.bad_row {
                state.bad_row = i;
                state.bad_target = column;
            }
        }
    }
    return state;
}

fn close(state: State, row: u32, lanes: u32) -> Stats {
    return state;
}

fn combine(a: Stats, b: Stats) -> Stats {
    let first_is_a = a.bad_row <= b.bad_row;
    return Stats(a.valid + b.valid, a.bad + b.bad, min(a.bad_row, b.bad_row), select(b.bad_target, a.bad_target, first_is_a));
}
