// For operations whose results are one value a row: nothing of a tile is stored.

fn empty_tile(rows: u32, lane: u32, lanes: u32) {}
