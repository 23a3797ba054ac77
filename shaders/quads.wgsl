// Rows as quads: four neighbouring classes; and as blocks: four quads, `step` quads apart. The last quad of a row may be partial:
// see padded.wgsl and whole_quads.wgsl. Needs: load_quad.

struct Block {
    a: vec4<f32>,
    b: vec4<f32>,
    c: vec4<f32>,
    d: vec4<f32>,
}

// A block of logits, all within the row.
fn load_block(row: u32, quad: u32, step: u32) -> Block {
    let a = load_quad(row, quad);
    let b = load_quad(row, quad + step);
    let c = load_quad(row, quad + 2u * step);
    return Block(a, b, c, load_quad(row, quad + 3u * step));
}

// Where a quad holds `class`.
fn is_column(quad: u32, column: u32) -> vec4<bool> {
    return vec4(column - 4u * quad) == vec4(0u, 1u, 2u, 3u);
}
