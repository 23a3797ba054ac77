// A result of the logits' shape, f32, written one element at a time: any start, stride and inner size.
// Needs: params.wgsl; STRIDED.

@group(0) @binding(4) var<storage, read_write> result: array<f32>;

fn result_at(row: u32, column: u32) -> u32 {
    if STRIDED {
        return params.result_start + (row / params.inner) * params.result_stride + row % params.inner + column * params.inner;
    }
    return params.result_start + row * params.result_stride + column;
}

fn put_quad(row: u32, quad: u32, value: vec4<f32>) {
    let i = result_at(row, 4u * quad);
    let step = select(1u, params.inner, STRIDED);
    result[i] = value.x;
    result[i + step] = value.y;
    result[i + 2u * step] = value.z;
    result[i + 3u * step] = value.w;
}

fn put_some(row: u32, quad: u32, value: vec4<f32>, number: u32) {
    let i = result_at(row, 4u * quad);
    let step = select(1u, params.inner, STRIDED);
    result[i] = value.x;
    if number > 1u {
        result[i + step] = value.y;
    }
    if number > 2u {
        result[i + 2u * step] = value.z;
    }
}
