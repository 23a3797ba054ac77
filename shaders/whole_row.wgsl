// Strategy: a unit serves a whole row. An item is a row.
// Needs: params.wgsl; scan, empty, Stats; reduce of the unit; skips, finish_row, write_row, write_elements of the operation.

fn serve(item: u32, lane: u32, lanes: u32) {
    let row = item;
    var own = empty();
    if !skips(row) {
        own = scan(row, 0u, params.quads, lane, lanes);
    }
    let whole = reduce(own, lane);
    let finish = finish_row(row, whole);
    if lane == 0u {
        write_row(row, whole, finish);
    }
    write_elements(row, 0u, params.quads, lane, lanes, finish);
}
