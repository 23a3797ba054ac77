// For operations that need of a row only one logit, read before anything is written: in place, it may be overwritten.
// Needs: params.wgsl, load_one; left_out_class(row) of the operation.

struct Stats {
    left_out: u32,      // its bits, 0 if there is none
}

fn empty() -> Stats {
    return Stats(0u);
}

fn scan(row: u32, first: u32, end: u32, lane: u32, lanes: u32) -> Stats {
    let column = left_out_class(row);
    if column < params.classes {
        return Stats(bitcast<u32>(load_one(row, column)));
    }
    return empty();
}

fn combine(a: Stats, b: Stats) -> Stats {
    return Stats(a.left_out | b.left_out);
}
