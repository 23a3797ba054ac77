// Logits that the result replaces, f16 or bf16, 8 bytes at a time. Needs: params.wgsl, half.wgsl, result_16x4.wgsl.

fn fetch_quad(row: u32, quad: u32) -> vec4<f32> {
    let stored = result[(params.result_start + row * params.result_stride) / 4u + quad];
    return widen4(halves_of(unpack_half(stored)), RESULT_BF16);
}

fn fetch_one(row: u32, column: u32) -> f32 {
    return fetch_quad(row, column / 4u)[column % 4u];
}
