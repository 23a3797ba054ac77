// A result of the logits' shape, f32, written 8 bytes at a time: the start, the stride and the classes are multiples of 2.
// Needs: params.wgsl, stored_quads.wgsl.

@group(0) @binding(4) var<storage, read_write> result: array<HalfQuad>;

fn pair_at(row: u32, pair: u32) -> u32 {
    return (params.result_start + row * params.result_stride) / 2u + pair;
}

fn put_pair(row: u32, pair: u32, value: vec2<f32>) {
    result[pair_at(row, pair)] = pack_half(bitcast<vec2<u32>>(value));
}

fn put_quad(row: u32, quad: u32, value: vec4<f32>) {
    put_pair(row, 2u * quad, value.xy);
    put_pair(row, 2u * quad + 1u, value.zw);
}

// The number is 2.
fn put_some(row: u32, quad: u32, value: vec4<f32>, number: u32) {
    put_pair(row, 2u * quad, value.xy);
}
