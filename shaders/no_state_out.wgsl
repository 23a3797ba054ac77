// The state of a row is not kept.

const KEEPS_STATE: bool = false;

fn keep_state(row: u32, stats: Stats) {}
