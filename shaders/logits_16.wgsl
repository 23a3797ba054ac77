// The logits, f16 or bf16, read one element at a time: any start, stride and inner size.
// Needs: params.wgsl, half.wgsl; STRIDED.

override LOGITS_BF16: bool = false;

@group(0) @binding(1) var<storage, read> logits: array<u32>;

fn logits_at(row: u32, column: u32) -> u32 {
    if STRIDED {
        return params.logits_start + (row / params.inner) * params.logits_stride + row % params.inner + column * params.inner;
    }
    return params.logits_start + row * params.logits_stride + column;
}

fn logits_half(i: u32) -> u32 {
    return (logits[i / 2u] >> (16u * (i % 2u))) & HALF_MASK;
}

fn fetch_quad(row: u32, quad: u32) -> vec4<f32> {
    let i = logits_at(row, 4u * quad);
    let step = select(1u, params.inner, STRIDED);
    return widen4(vec4(logits_half(i), logits_half(i + step), logits_half(i + 2u * step), logits_half(i + 3u * step)), LOGITS_BF16);
}

fn fetch_one(row: u32, column: u32) -> f32 {
    return widen4(vec4(logits_half(logits_at(row, column))), LOGITS_BF16).x;
}

fn fetch_some(row: u32, quad: u32, number: u32) -> vec4<f32> {
    let i = logits_at(row, 4u * quad);
    let step = select(1u, params.inner, STRIDED);
    var halves = vec4(logits_half(i), 0u, 0u, 0u);
    if number > 1u {
        halves.y = logits_half(i + step);
    }
    if number > 2u {
        halves.z = logits_half(i + 2u * step);
    }
    return widen4(halves, LOGITS_BF16);
}
