// Strategy: a row is split over units. Second dispatch: an item is a chunk of a row; each unit merges the row's statistics
// and writes its chunk. Without elements to write there is one item a row.
// Needs: params.wgsl, partials.wgsl; empty, combine; reduce of the unit; finish_row, write_row, write_elements of the operation.

fn serve(item: u32, lane: u32, lanes: u32) {
    let row = item % params.rows;
    let chunk = item / params.rows;
    var own = empty();
    for (var i = lane; i < params.chunks; i += lanes) {
        own = combine(own, partials[i * params.rows + row]);
    }
    let whole = reduce(own, lane);
    let finish = finish_row(row, whole);
    if chunk == 0u && lane == 0u {
        write_row(row, whole, finish);
    }
    let first = chunk * params.chunk_quads;
    write_elements(row, first, min(first + params.chunk_quads, params.quads), lane, lanes, finish);
}
