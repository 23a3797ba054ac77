// The second matrix, f16 or bf16, read 8 bytes at a time: the start and the stride are multiples of 4 elements.
// Needs: params.wgsl, half.wgsl, stored_quads.wgsl.

override SECOND_BF16: bool = false;

@group(0) @binding(2) var<storage, read> second: array<HalfQuad>;

fn load_second_quad(row: u32, quad: u32) -> vec4<f32> {
    let stored = second[(params.second_start + row * params.second_stride) / 4u + quad];
    return widen4(halves_of(unpack_half(stored)), SECOND_BF16);
}

fn load_second_some(row: u32, quad: u32, number: u32) -> vec4<f32> {
    return load_second_quad(row, quad);
}
