// Rows whose length is a multiple of 4: four elements at a time.

alias Block = vec4<f32>;

const BLOCK: u32 = 4u;

fn largest_of(block: Block) -> f32 {
    return max(max(block.x, block.y), max(block.z, block.w));
}

fn sum_of(block: Block) -> f32 {
    return dot(block, Block(1.0));
}
