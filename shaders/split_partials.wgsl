// Strategy: a row is split over units. First dispatch: an item is a chunk of a row, its statistics are kept.
// Neighbouring items are neighbouring rows, which lie side by side in memory where classes do not.
// Needs: params.wgsl, partials.wgsl; scan, empty; reduce of the unit; skips of the operation.

fn serve(item: u32, lane: u32, lanes: u32) {
    let row = item % params.rows;
    let first = (item / params.rows) * params.chunk_quads;
    var own = empty();
    if !skips(row) {
        own = scan(row, first, min(first + params.chunk_quads, params.quads), lane, lanes);
    }
    let whole = reduce(own, lane);
    if lane == 0u {
        partials[item] = whole;
    }
}
