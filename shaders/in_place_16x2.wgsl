// Logits that the result replaces, f16 or bf16, 4 bytes at a time. Needs: params.wgsl, half.wgsl, result_16x2.wgsl.

fn fetch_quad(row: u32, quad: u32) -> vec4<f32> {
    let i = pair_at(row, 2u * quad);
    return widen4(halves_of(vec2(result[i], result[i + 1u])), RESULT_BF16);
}

fn fetch_one(row: u32, column: u32) -> f32 {
    return widen4(halves_of(vec2(result[pair_at(row, column / 2u)])), RESULT_BF16)[column % 2u];
}

// The number is 2.
fn fetch_some(row: u32, quad: u32, number: u32) -> vec4<f32> {
    return widen4(halves_of(vec2(result[pair_at(row, 2u * quad)], 0u)), RESULT_BF16);
}
