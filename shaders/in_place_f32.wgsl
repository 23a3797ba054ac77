// Logits that the result replaces, f32, one element at a time. Needs: params.wgsl, result_f32.wgsl.

fn fetch_quad(row: u32, quad: u32) -> vec4<f32> {
    let i = result_at(row, 4u * quad);
    let step = select(1u, params.inner, STRIDED);
    return vec4(result[i], result[i + step], result[i + 2u * step], result[i + 3u * step]);
}

fn fetch_one(row: u32, column: u32) -> f32 {
    return result[result_at(row, column)];
}

fn fetch_some(row: u32, quad: u32, number: u32) -> vec4<f32> {
    let i = result_at(row, 4u * quad);
    let step = select(1u, params.inner, STRIDED);
    var value = vec4(result[i], 0.0, 0.0, 0.0);
    if number > 1u {
        value.y = result[i + step];
    }
    if number > 2u {
        value.z = result[i + 2u * step];
    }
    return value;
}
