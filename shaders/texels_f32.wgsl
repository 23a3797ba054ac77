// The logits, f32, from a texture: any start, stride and inner size.
// Needs: params.wgsl, texels.wgsl; STRIDED.

fn logits_at(row: u32, column: u32) -> u32 {
    if STRIDED {
        return params.logits_start + (row / params.inner) * params.logits_stride + row % params.inner + column * params.inner;
    }
    return params.logits_start + row * params.logits_stride + column;
}

fn fetch_quad(row: u32, quad: u32) -> vec4<f32> {
    let i = logits_at(row, 4u * quad);
    if STRIDED {
        let step = params.inner;
        return bitcast<vec4<f32>>(vec4(logits_word(i), logits_word(i + step), logits_word(i + 2u * step), logits_word(i + 3u * step)));
    }
    return bitcast<vec4<f32>>(words_at(i));
}

fn fetch_one(row: u32, column: u32) -> f32 {
    return bitcast<f32>(logits_word(logits_at(row, column)));
}

fn logits_word(i: u32) -> u32 {
    return texel(i / 4u)[i % 4u];
}
