// Logits that the result replaces, f32, 16 bytes at a time. Needs: params.wgsl, result_f32x4.wgsl.

fn fetch_quad(row: u32, quad: u32) -> vec4<f32> {
    return bitcast<vec4<f32>>(unpack_quad(result[(params.result_start + row * params.result_stride) / 4u + quad]));
}

fn fetch_one(row: u32, column: u32) -> f32 {
    return fetch_quad(row, column / 4u)[column % 4u];
}
