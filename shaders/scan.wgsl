// Reads a span of a row into statistics, four quads at a time.
// Needs: params.wgsl, quads.wgsl, load_padded; of the statistics State, begin, close, and what takes in the logits as they are
// stored: absorb_block(state, row, quad, step, block), all within the row, and absorb_quad(state, row, quad, x), the last one padded.
// Quads first + lane, first + lane + lanes, .. below `end`.

fn scan_on(before: State, row: u32, first: u32, end: u32, lane: u32, lanes: u32) -> State {
    var state = before;
    let full = min(end, params.classes / 4u);
    var quad = first + lane;
    for (; quad + 3u * lanes < full; quad += 4u * lanes) {
        state = absorb_block(state, row, quad, lanes, load_block(row, quad, lanes));
    }
    for (; quad < end; quad += lanes) {
        state = absorb_quad(state, row, quad, load_padded(row, quad));
    }
    return state;
}

fn scan(row: u32, first: u32, end: u32, lane: u32, lanes: u32) -> Stats {
    return close(scan_on(begin(row), row, first, end, lane, lanes), row, lanes);
}
