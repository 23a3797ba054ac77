// The third matrix, f16 or bf16, read one element at a time: any start, stride and inner size.
// Needs: params.wgsl, half.wgsl; STRIDED.

override THIRD_BF16: bool = false;

@group(0) @binding(3) var<storage, read> third: array<u32>;

fn third_at(row: u32, column: u32) -> u32 {
    if STRIDED {
        return params.third_start + (row / params.inner) * params.third_stride + row % params.inner + column * params.inner;
    }
    return params.third_start + row * params.third_stride + column;
}

fn third_half(i: u32) -> u32 {
    return (third[i / 2u] >> (16u * (i % 2u))) & HALF_MASK;
}

fn load_third_quad(row: u32, quad: u32) -> vec4<f32> {
    let i = third_at(row, 4u * quad);
    let step = select(1u, params.inner, STRIDED);
    return widen4(vec4(third_half(i), third_half(i + step), third_half(i + 2u * step), third_half(i + 3u * step)), THIRD_BF16);
}

fn load_third_some(row: u32, quad: u32, number: u32) -> vec4<f32> {
    let i = third_at(row, 4u * quad);
    let step = select(1u, params.inner, STRIDED);
    var halves = vec4(third_half(i), 0u, 0u, 0u);
    if number > 1u {
        halves.y = third_half(i + step);
    }
    if number > 2u {
        halves.z = third_half(i + 2u * step);
    }
    return widen4(halves, THIRD_BF16);
}
