// The logits, f16 or bf16, read 8 bytes at a time: the start and the stride are multiples of 4 elements.
// Needs: params.wgsl, half.wgsl, stored_quads.wgsl.

override LOGITS_BF16: bool = false;

@group(0) @binding(1) var<storage, read> logits: array<HalfQuad>;

fn fetch_quad(row: u32, quad: u32) -> vec4<f32> {
    let stored = logits[(params.logits_start + row * params.logits_stride) / 4u + quad];
    return widen4(halves_of(unpack_half(stored)), LOGITS_BF16);
}

fn fetch_one(row: u32, column: u32) -> f32 {
    return fetch_quad(row, column / 4u)[column % 4u];
}
