// Logits that the result replaces, f32, 8 bytes at a time. Needs: params.wgsl, result_f32x2.wgsl.

fn result_pair(row: u32, pair: u32) -> vec2<f32> {
    return bitcast<vec2<f32>>(unpack_half(result[pair_at(row, pair)]));
}

fn fetch_quad(row: u32, quad: u32) -> vec4<f32> {
    return vec4(result_pair(row, 2u * quad), result_pair(row, 2u * quad + 1u));
}

fn fetch_one(row: u32, column: u32) -> f32 {
    return result_pair(row, column / 2u)[column % 2u];
}

// The number is 2.
fn fetch_some(row: u32, quad: u32, number: u32) -> vec4<f32> {
    return vec4(result_pair(row, 2u * quad), 0.0, 0.0);
}
