// Strategy: a row is split over units. First dispatch: an item is a chunk of a row, its statistics are kept.
// Needs: params.wgsl, partials.wgsl; scan, empty; reduce of the unit; skips of the operation.

fn serve(item: u32, lane: u32, lanes: u32) {
    let row = item / params.chunks;
    let first = (item % params.chunks) * params.chunk_quads;
    var own = empty();
    if !skips(row) {
        own = scan(row, first, min(first + params.chunk_quads, params.quads), lane, lanes);
    }
    let whole = reduce(own, lane);
    if lane == 0u {
        partials[item] = whole;
    }
}
