// A vector with one word a row of the call, read as if it were one long row: the statistics are the result.
// Needs: params.wgsl, words.wgsl, numerics.wgsl; Stats, State, and absorb_four(state, i, inside), which takes in the words
// i .. i + 3 of the vector, those that are inside of it, of the statistics.

struct Finish {
    unused: u32,
}

fn skips(row: u32) -> bool {
    return false;
}

fn finish_row(row: u32, stats: Stats) -> Finish {
    return Finish(0u);
}

fn four_words(start: u32, i: u32) -> vec4<u32> {
    let at = start + i;
    return vec4(words[at], words[at + 1u], words[at + 2u], words[at + 3u]);
}

// The smaller of a row and the first that was found among i .. i + 3; NONE is larger than all.
fn first_row(row: u32, i: u32, found: vec4<bool>) -> u32 {
    let places = select(vec4(NONE), vec4(i) + vec4(0u, 1u, 2u, 3u), found);
    return min(row, min(min(places.x, places.y), min(places.z, places.w)));
}

fn absorb_quad(before: State, row: u32, quad: u32) -> State {
    let i = 4u * quad;
    return absorb_four(before, i, vec4(i) + vec4(0u, 1u, 2u, 3u) < vec4(params.classes));
}

// No loop over the four: each of its passes would count against the adapter's limit.
fn absorb_block(before: State, row: u32, quad: u32, step: u32) -> State {
    let half = absorb_quad(absorb_quad(before, row, quad), row, quad + step);
    return absorb_quad(absorb_quad(half, row, quad + 2u * step), row, quad + 3u * step);
}
