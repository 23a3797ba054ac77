// The third matrix, f16 or bf16, read 4 bytes at a time: the start, the stride and the classes are multiples of 2.
// Needs: params.wgsl, half.wgsl.

override THIRD_BF16: bool = false;

@group(0) @binding(3) var<storage, read> third: array<u32>;

fn load_third_quad(row: u32, quad: u32) -> vec4<f32> {
    let i = (params.third_start + row * params.third_stride) / 2u + 2u * quad;
    return widen4(halves_of(vec2(third[i], third[i + 1u])), THIRD_BF16);
}

// The number is 2.
fn load_third_some(row: u32, quad: u32, number: u32) -> vec4<f32> {
    let word = third[(params.third_start + row * params.third_stride) / 2u + 2u * quad];
    return widen4(halves_of(vec2(word, 0u)), THIRD_BF16);
}
