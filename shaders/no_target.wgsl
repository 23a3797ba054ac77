// No row has a target.

const TARGETED: bool = false;

fn target_column(row: u32) -> u32 {
    return NONE;
}
