// The state of each row, kept. Needs: row_state.wgsl.

@group(0) @binding(8) var<storage, read_write> states: array<Stats>;

const KEEPS_STATE: bool = true;

fn keep_state(row: u32, stats: Stats) {
    states[row] = stats;
}
