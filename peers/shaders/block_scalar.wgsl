// Rows of any length: one element at a time.

alias Block = f32;

const BLOCK: u32 = 1u;

fn largest_of(block: Block) -> f32 {
    return block;
}

fn sum_of(block: Block) -> f32 {
    return block;
}
