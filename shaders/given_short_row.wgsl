// Strategy: the statistics of a row of one to four quads are what the caller kept of an earlier pass, or merged. A thread writes it
// without a loop, as in short_row.wgsl. Needs: partials.wgsl, last_block.wgsl; finish_row, write_row of the operation.

fn serve(item: u32, lane: u32, lanes: u32) {
    let row = item;
    let stats = partials[row];
    let finish = finish_row(row, stats);
    write_row(row, stats, finish);
    write_last_block(row, 0u, load_last(row, 0u), finish);
}
