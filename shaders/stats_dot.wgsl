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

fn terms(row: u32, quad: u32, x: vec4<f32>) -> f32 {
    var t = load_second_padded(row, quad, 0.0);
    if is_weighted() {
        t *= x;
    }
    return total(select(vec4(0.0), t, allowed4(row, quad)));
}

fn absorb_block(before: State, row: u32, quad: u32, step: u32, x: Block) -> State {
    let first = terms(row, quad, x.a) + terms(row, quad + step, x.b);
    let last = terms(row, quad + 2u * step, x.c) + terms(row, quad + 3u * step, x.d);
    return State(add(before.sum, first + last));
}

fn absorb_quad(before: State, row: u32, quad: u32, x: vec4<f32>) -> State {
    return State(add(before.sum, terms(row, quad, x)));
}

fn close(state: State, row: u32, lanes: u32) -> Stats {
    return Stats(state.sum.value - state.sum.low);
}

fn combine(a: Stats, b: Stats) -> Stats {
    return Stats(a.sum + b.sum);
}
