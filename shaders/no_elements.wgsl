// For operations whose results are one value a row.

fn write_elements(row: u32, first: u32, end: u32, lane: u32, lanes: u32, finish: Finish) {}
