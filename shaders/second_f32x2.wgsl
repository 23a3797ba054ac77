// The second matrix, f32, read 8 bytes at a time: the start, the stride and the classes are multiples of 2.
// Needs: params.wgsl, stored_quads.wgsl.

@group(0) @binding(2) var<storage, read> second: array<HalfQuad>;

fn second_pair(row: u32, pair: u32) -> vec2<f32> {
    return bitcast<vec2<f32>>(unpack_half(second[(params.second_start + row * params.second_stride) / 2u + pair]));
}

fn load_second_quad(row: u32, quad: u32) -> vec4<f32> {
    return vec4(second_pair(row, 2u * quad), second_pair(row, 2u * quad + 1u));
}

// The number is 2.
fn load_second_some(row: u32, quad: u32, number: u32) -> vec4<f32> {
    return vec4(second_pair(row, 2u * quad), 0.0, 0.0);
}
