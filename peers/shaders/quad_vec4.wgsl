// Rows whose length is a multiple of 4: four logits are one word of 16 bytes.

alias Stored = vec4<f32>;

fn load(row: u32, i: u32) -> vec4<f32> {
    return logits[row * QUADS + i];
}

fn load_one(row: u32, column: u32) -> f32 {
    return logits[row * QUADS + column / 4u][column % 4u];
}

fn store(row: u32, i: u32, g: vec4<f32>) {
    gradient[row * QUADS + i] = g;
}
