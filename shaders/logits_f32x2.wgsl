// The logits, f32, read 8 bytes at a time: the start, the stride and the classes are multiples of 2.
// Needs: params.wgsl, stored_quads.wgsl.

@group(0) @binding(1) var<storage, read> logits: array<HalfQuad>;

fn logits_pair(row: u32, pair: u32) -> vec2<f32> {
    return bitcast<vec2<f32>>(unpack_half(logits[(params.logits_start + row * params.logits_stride) / 2u + pair]));
}

fn fetch_quad(row: u32, quad: u32) -> vec4<f32> {
    return vec4(logits_pair(row, 2u * quad), logits_pair(row, 2u * quad + 1u));
}

fn fetch_one(row: u32, column: u32) -> f32 {
    return logits_pair(row, column / 2u)[column % 2u];
}

// The number is 2.
fn fetch_some(row: u32, quad: u32, number: u32) -> vec4<f32> {
    return vec4(logits_pair(row, 2u * quad), 0.0, 0.0);
}
