// The logits, f16 or bf16, from a texture: the start and the stride are multiples of 4 elements.
// Needs: params.wgsl, half.wgsl, texels.wgsl.

override LOGITS_BF16: bool = false;

fn fetch_quad(row: u32, quad: u32) -> vec4<f32> {
    let i = (params.logits_start + row * params.logits_stride) / 4u + quad;
    let words = texel(i / 2u);
    return widen4(halves_of(select(words.xy, words.zw, vec2(i % 2u == 1u))), LOGITS_BF16);
}

fn fetch_one(row: u32, column: u32) -> f32 {
    return fetch_quad(row, column / 4u)[column % 4u];
}
