// The second matrix, f16 or bf16, read one element at a time: any start, stride and inner size.
// Needs: params.wgsl, half.wgsl; STRIDED.

override SECOND_BF16: bool = false;

@group(0) @binding(2) var<storage, read> second: array<u32>;

fn second_at(row: u32, column: u32) -> u32 {
    if STRIDED {
        return params.second_start + (row / params.inner) * params.second_stride + row % params.inner + column * params.inner;
    }
    return params.second_start + row * params.second_stride + column;
}

fn second_half(i: u32) -> u32 {
    return (second[i / 2u] >> (16u * (i % 2u))) & HALF_MASK;
}

fn load_second_quad(row: u32, quad: u32) -> vec4<f32> {
    let i = second_at(row, 4u * quad);
    let step = select(1u, params.inner, STRIDED);
    return widen4(vec4(second_half(i), second_half(i + step), second_half(i + 2u * step), second_half(i + 3u * step)), SECOND_BF16);
}

fn load_second_some(row: u32, quad: u32, number: u32) -> vec4<f32> {
    let i = second_at(row, 4u * quad);
    let step = select(1u, params.inner, STRIDED);
    var halves = vec4(second_half(i), 0u, 0u, 0u);
    if number > 1u {
        halves.y = second_half(i + step);
    }
    if number > 2u {
        halves.z = second_half(i + 2u * step);
    }
    return widen4(halves, SECOND_BF16);
}
