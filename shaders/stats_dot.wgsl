// The sum over a row that the gradients of softmax and log_softmax need, with Kahan's correction:
// sum p u for probabilities p (weighted), sum u for log-probabilities; u is the upstream gradient.
// Needs: params.wgsl, numerics.wgsl, quads.wgsl, second_quads.wgsl; allowed4; is_weighted() of the operation.

struct Stats {
    sum: f32,
}

struct State {
    sum: Sum,
}

fn empty() -> Stats {
    return Stats(0.0);
}

fn begin(row: u32) -> State {
    return State(Sum(0.0, 0.0));
}

fn terms(row: u32, quad: u32) -> f32 {
    var t = load_second_padded(row, quad, 0.0);
    if is_weighted() {
        t *= load_padded(row, quad, 0.0);
    }
    return total(select(vec4(0.0), t, allowed4(row, quad)));
}

fn absorb_block(before: State, row: u32, quad: u32, step: u32) -> State {
    let block = (terms(row, quad) + terms(row, quad + step)) + (terms(row, quad + 2u * step) + terms(row, quad + 3u * step));
    return State(add(before.sum, block));
}

fn absorb_quad(before: State, row: u32, quad: u32) -> State {
    return State(add(before.sum, terms(row, quad)));
}

fn close(state: State, row: u32, lanes: u32) -> Stats {
    return Stats(state.sum.value - state.sum.low);
}

fn combine(a: Stats, b: Stats) -> Stats {
    return Stats(a.sum + b.sum);
}
