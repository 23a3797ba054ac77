// Reads a span of a row into statistics, four quads at a time.
// Needs: params.wgsl; State, begin, absorb_block, absorb_quad, close of the statistics.
// Quads first + lane, first + lane + lanes, .. below `end`.

fn scan(row: u32, first: u32, end: u32, lane: u32, lanes: u32) -> Stats {
    var state = begin(row);
    let full = min(end, params.classes / 4u);
    var quad = first + lane;
    for (; quad + 3u * lanes < full; quad += 4u * lanes) {
        state = absorb_block(state, row, quad, lanes);
    }
    for (; quad < end; quad += lanes) {
        state = absorb_quad(state, row, quad);
    }
    return close(state, row, lanes);
}
