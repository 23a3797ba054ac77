// Strategy: the statistics of a row are what the caller kept of an earlier pass, or merged. An item is a chunk of a row; without
// elements to write it is a row. Needs: params.wgsl, partials.wgsl; finish_row, write_row, write_elements of the operation.

fn serve(item: u32, lane: u32, lanes: u32) {
    let row = item % params.rows;
    let chunk = item / params.rows;
    let stats = partials[row];
    let finish = finish_row(row, stats);
    if chunk == 0u && lane == 0u {
        write_row(row, stats, finish);
    }
    let first = chunk * params.chunk_quads;
    write_elements(row, first, min(first + params.chunk_quads, params.quads), lane, lanes, finish);
}
