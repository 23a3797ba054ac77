// A second matrix of the logits' shape, f32, read 16 bytes at a time: the start and the stride are multiples of 4 elements.
// Needs: params.wgsl.

@group(0) @binding(2) var<storage, read> second: array<vec4<f32>>;

fn load_second_quad(row: u32, quad: u32) -> vec4<f32> {
    return second[(params.second_start + row * params.second_stride) / 4u + quad];
}

fn load_second_one(row: u32, column: u32) -> f32 {
    let i = params.second_start + row * params.second_stride + column;
    return second[i / 4u][i % 4u];
}
