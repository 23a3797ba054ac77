// Logits that the result replaces, f16 or bf16, one element at a time. Needs: params.wgsl, half.wgsl, result_16.wgsl.

fn result_half(i: u32) -> u32 {
    return (atomicLoad(&result[i / 2u]) >> (16u * (i % 2u))) & HALF_MASK;
}

fn fetch_quad(row: u32, quad: u32) -> vec4<f32> {
    let i = result_at(row, 4u * quad);
    let step = select(1u, params.inner, STRIDED);
    return widen4(vec4(result_half(i), result_half(i + step), result_half(i + 2u * step), result_half(i + 3u * step)), RESULT_BF16);
}

fn fetch_one(row: u32, column: u32) -> f32 {
    return widen4(vec4(result_half(result_at(row, column))), RESULT_BF16).x;
}

fn fetch_some(row: u32, quad: u32, number: u32) -> vec4<f32> {
    let i = result_at(row, 4u * quad);
    let step = select(1u, params.inner, STRIDED);
    var halves = vec4(result_half(i), 0u, 0u, 0u);
    if number > 1u {
        halves.y = result_half(i + step);
    }
    if number > 2u {
        halves.z = result_half(i + 2u * step);
    }
    return widen4(halves, RESULT_BF16);
}
