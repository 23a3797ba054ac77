// The target's element of a row, and nothing else. Whoever writes that element later is who reads it here: a result may replace it.
// Needs: params.wgsl, target.wgsl; load_one.

struct Stats {
    bits: u32,
}

fn empty() -> Stats {
    return Stats(0u);
}

fn scan(row: u32, first: u32, end: u32, lane: u32, lanes: u32) -> Stats {
    let column = target_column(row);
    let quad = column / 4u;
    if column < params.classes && quad >= first && quad < end && (quad - first) % lanes == lane {
        return Stats(bitcast<u32>(load_one(row, column)));
    }
    return empty();
}

fn combine(a: Stats, b: Stats) -> Stats {
    return Stats(a.bits | b.bits);
}
