// The logits, f32, read one element at a time: any start and stride.
// Needs: params.wgsl.

@group(0) @binding(1) var<storage, read> logits: array<f32>;

fn load_quad(row: u32, quad: u32) -> vec4<f32> {
    let i = params.logits_start + row * params.logits_stride + 4u * quad;
    return vec4(logits[i], logits[i + 1u], logits[i + 2u], logits[i + 3u]);
}

fn load_one(row: u32, column: u32) -> f32 {
    return logits[params.logits_start + row * params.logits_stride + column];
}
