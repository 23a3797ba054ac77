// A second matrix of the logits' shape, f32, read 16 bytes at a time: the start and the stride are multiples of 4 elements.
// Needs: params.wgsl, stored_quads.wgsl.

@group(0) @binding(2) var<storage, read> second: array<Quad>;

fn load_second_quad(row: u32, quad: u32) -> vec4<f32> {
    return bitcast<vec4<f32>>(unpack_quad(second[(params.second_start + row * params.second_stride) / 4u + quad]));
}

fn load_second_some(row: u32, quad: u32, number: u32) -> vec4<f32> {
    return load_second_quad(row, quad);
}
