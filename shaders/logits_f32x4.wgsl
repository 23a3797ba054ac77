// The logits, f32, read 16 bytes at a time: the start and the stride are multiples of 4 elements.
// Needs: params.wgsl, stored_quads.wgsl.

@group(0) @binding(1) var<storage, read> logits: array<Quad>;

fn fetch_quad(row: u32, quad: u32) -> vec4<f32> {
    return bitcast<vec4<f32>>(unpack_quad(logits[(params.logits_start + row * params.logits_stride) / 4u + quad]));
}

fn fetch_one(row: u32, column: u32) -> f32 {
    return fetch_quad(row, column / 4u)[column % 4u];
}
