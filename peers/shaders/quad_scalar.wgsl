// Rows of any length: a logit is a word.

alias Stored = f32;

fn load(row: u32, i: u32) -> vec4<f32> {
    let at = row * CLASSES + 4u * i;
    let inside = vec4(4u * i) + vec4(0u, 1u, 2u, 3u) < vec4(CLASSES);
    return select(vec4(LOWEST), vec4(logits[at], logits[at + 1u], logits[at + 2u], logits[at + 3u]), inside);
}

fn load_one(row: u32, column: u32) -> f32 {
    return logits[row * CLASSES + column];
}

fn store(row: u32, i: u32, g: vec4<f32>) {
    let at = row * CLASSES + 4u * i;
    for (var j = 0u; j < min(4u, CLASSES - 4u * i); j += 1u) {
        gradient[at + j] = g[j];
    }
}
