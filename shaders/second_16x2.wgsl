// The second matrix, f16 or bf16, read 4 bytes at a time: the start, the stride and the classes are multiples of 2.
// Needs: params.wgsl, half.wgsl.

override SECOND_BF16: bool = false;

@group(0) @binding(2) var<storage, read> second: array<u32>;

fn load_second_quad(row: u32, quad: u32) -> vec4<f32> {
    let i = (params.second_start + row * params.second_stride) / 2u + 2u * quad;
    return widen4(halves_of(vec2(second[i], second[i + 1u])), SECOND_BF16);
}

// The number is 2.
fn load_second_some(row: u32, quad: u32, number: u32) -> vec4<f32> {
    let word = second[(params.second_start + row * params.second_stride) / 2u + 2u * quad];
    return widen4(halves_of(vec2(word, 0u)), SECOND_BF16);
}
