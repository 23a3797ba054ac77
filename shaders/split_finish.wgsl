// Strategy: a row is split over units. Second dispatch: an item is a chunk of a row; each unit merges the row's statistics
// and writes its chunk. Without elements to write there is one item a row.
// Needs: params.wgsl, partials.wgsl; empty, combine; reduce of the unit; finish_row, write_row, write_elements of the operation.

override WRITES_ELEMENTS: bool = false;

fn serve(item: u32, lane: u32, lanes: u32) {
    let items_of_row = select(1u, params.chunks, WRITES_ELEMENTS);
    let row = item / items_of_row;
    let chunk = item % items_of_row;
    var own = empty();
    for (var i = lane; i < params.chunks; i += lanes) {
        own = combine(own, partials[row * params.chunks + i]);
    }
    let finish = finish_row(row, reduce(own, lane));
    if chunk == 0u && lane == 0u {
        write_row(row, finish);
    }
    let first = chunk * params.chunk_quads;
    write_elements(row, first, min(first + params.chunk_quads, params.quads), lane, lanes, finish);
}
