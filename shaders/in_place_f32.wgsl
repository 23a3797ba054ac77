// Logits that the result replaces, f32, one element at a time: any start and stride.
// Needs: params.wgsl.

@group(0) @binding(5) var<storage, read_write> result: array<f32>;

fn load_quad(row: u32, quad: u32) -> vec4<f32> {
    let i = params.result_start + row * params.result_stride + 4u * quad;
    return vec4(result[i], result[i + 1u], result[i + 2u], result[i + 3u]);
}

fn load_one(row: u32, column: u32) -> f32 {
    return result[params.result_start + row * params.result_stride + column];
}

fn store_quad(row: u32, quad: u32, value: vec4<f32>) {
    let i = params.result_start + row * params.result_stride + 4u * quad;
    result[i] = value.x;
    result[i + 1u] = value.y;
    result[i + 2u] = value.z;
    result[i + 3u] = value.w;
}

fn store_one(row: u32, column: u32, value: f32) {
    result[params.result_start + row * params.result_stride + column] = value;
}
