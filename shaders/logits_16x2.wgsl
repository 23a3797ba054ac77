// The logits, f16 or bf16, read 4 bytes at a time: the start, the stride and the classes are multiples of 2.
// Needs: params.wgsl, half.wgsl.

override LOGITS_BF16: bool = false;

@group(0) @binding(1) var<storage, read> logits: array<u32>;

fn fetch_quad(row: u32, quad: u32) -> vec4<f32> {
    let i = (params.logits_start + row * params.logits_stride) / 2u + 2u * quad;
    return widen4(halves_of(vec2(logits[i], logits[i + 1u])), LOGITS_BF16);
}

fn fetch_one(row: u32, column: u32) -> f32 {
    let word = logits[(params.logits_start + row * params.logits_stride + column) / 2u];
    return widen4(halves_of(vec2(word)), LOGITS_BF16)[column % 2u];
}

// The number is 2.
fn fetch_some(row: u32, quad: u32, number: u32) -> vec4<f32> {
    let word = logits[(params.logits_start + row * params.logits_stride) / 2u + 2u * quad];
    return widen4(halves_of(vec2(word, 0u)), LOGITS_BF16);
}
