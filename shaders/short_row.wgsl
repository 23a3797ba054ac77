// Strategy: a thread serves a whole row of one to four quads, which it reads once. There is no loop: an adapter that runs both sides
// of a branch also runs a loop's body before it knows whether it is entered, and once more to see that it has ended. Nor is a row
// skipped: asking first takes longer than it spares.
// Needs: params.wgsl, last_block.wgsl; begin, absorb_short, close_short of stats_row.wgsl; reduce of the unit; finish_row, write_row
// of the operation.

fn serve(item: u32, lane: u32, lanes: u32) {
    let row = item;
    let x = load_last(row, 0u);
    let own = close_short(absorb_short(begin(row), row, x), row, lanes);
    let whole = reduce(own, lane);
    let finish = finish_row(row, whole);
    write_row(row, whole, finish);
    write_last_block(row, 0u, x, finish);
}
