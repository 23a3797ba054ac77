// A result of the logits' shape, f32, written 16 bytes at a time: the start and the stride are multiples of 4 elements.
// Needs: params.wgsl.

@group(0) @binding(4) var<storage, read_write> result: array<vec4<f32>>;

fn put_quad(row: u32, quad: u32, value: vec4<f32>) {
    result[(params.result_start + row * params.result_stride) / 4u + quad] = value;
}

fn put_one(row: u32, column: u32, value: f32) {
    let i = params.result_start + row * params.result_stride + column;
    result[i / 4u][i % 4u] = value;
}
