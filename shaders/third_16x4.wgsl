// The third matrix, f16 or bf16, read 8 bytes at a time: the start and the stride are multiples of 4 elements.
// Needs: params.wgsl, half.wgsl, stored_quads.wgsl.

override THIRD_BF16: bool = false;

@group(0) @binding(3) var<storage, read> third: array<HalfQuad>;

fn load_third_quad(row: u32, quad: u32) -> vec4<f32> {
    let stored = third[(params.third_start + row * params.third_stride) / 4u + quad];
    return widen4(halves_of(unpack_half(stored)), THIRD_BF16);
}

fn load_third_some(row: u32, quad: u32, number: u32) -> vec4<f32> {
    return load_third_quad(row, quad);
}
