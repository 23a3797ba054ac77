// The logits, f16 or bf16, from a texture: any start, stride and inner size.
// Needs: params.wgsl, half.wgsl, texels.wgsl; STRIDED.

override LOGITS_BF16: bool = false;

fn logits_at(row: u32, column: u32) -> u32 {
    if STRIDED {
        return params.logits_start + (row / params.inner) * params.logits_stride + row % params.inner + column * params.inner;
    }
    return params.logits_start + row * params.logits_stride + column;
}

fn logits_half(i: u32) -> u32 {
    return (texel(i / 8u)[(i / 2u) % 4u] >> (16u * (i % 2u))) & HALF_MASK;
}

fn fetch_quad(row: u32, quad: u32) -> vec4<f32> {
    let i = logits_at(row, 4u * quad);
    if STRIDED {
        let step = params.inner;
        return widen4(vec4(logits_half(i), logits_half(i + step), logits_half(i + 2u * step), logits_half(i + 3u * step)), LOGITS_BF16);
    }
    let words = words_at(i / 2u);
    let odd = vec4(words.x >> 16u, words.y & HALF_MASK, words.y >> 16u, words.z & HALF_MASK);
    return widen4(select(halves_of(words.xy), odd, vec4(i % 2u == 1u)), LOGITS_BF16);
}

fn fetch_one(row: u32, column: u32) -> f32 {
    return widen4(vec4(logits_half(logits_at(row, column))), LOGITS_BF16).x;
}
