// A vector with one word a row of the call, read as if it were one long row: the statistics are the result.
// Needs: params.wgsl, words.wgsl, numerics.wgsl; Stats, State, begin, close, and absorb_four(state, i, inside), which takes
// in the words i .. i + 3 of the vector, those that are inside of it, of the statistics.

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

// One quad a pass: there is little to do for a row, and drivers take long to compile many copies of it.
fn scan(row: u32, first: u32, end: u32, lane: u32, lanes: u32) -> Stats {
    var state = begin(row);
    for (var quad = first + lane; quad < end; quad += lanes) {
        let i = 4u * quad;
        state = absorb_four(state, i, vec4(i) + vec4(0u, 1u, 2u, 3u) < vec4(params.classes));
    }
    return close(state, row, lanes);
}
