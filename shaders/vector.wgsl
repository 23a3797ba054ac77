// A vector with one word a row of the call, read as if it were one long row: the statistics are the result.
// Needs: params.wgsl; Stats, State, and absorb_one(state, i), which takes in the word i if there is one, of the statistics.

struct Finish {
    unused: u32,
}

fn skips(row: u32) -> bool {
    return false;
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    return Finish(0u);
}

// No loop over the four: each of its passes would count against the adapter's limit.
fn absorb_quad(before: State, row: u32, quad: u32) -> State {
    let i = 4u * quad;
    return absorb_one(absorb_one(absorb_one(absorb_one(before, i), i + 1u), i + 2u), i + 3u);
}

fn absorb_block(before: State, row: u32, quad: u32, step: u32) -> State {
    let half = absorb_quad(absorb_quad(before, row, quad), row, quad + step);
    return absorb_quad(absorb_quad(half, row, quad + 2u * step), row, quad + 3u * step);
}
