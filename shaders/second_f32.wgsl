// A second matrix of the logits' shape, f32, read one element at a time: any start and stride.
// Needs: params.wgsl.

@group(0) @binding(2) var<storage, read> second: array<f32>;

fn load_second_quad(row: u32, quad: u32) -> vec4<f32> {
    let i = params.second_start + row * params.second_stride + 4u * quad;
    return vec4(second[i], second[i + 1u], second[i + 2u], second[i + 3u]);
}

fn load_second_one(row: u32, column: u32) -> f32 {
    return second[params.second_start + row * params.second_stride + column];
}
