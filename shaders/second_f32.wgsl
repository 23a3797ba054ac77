// The second matrix, f32, read one element at a time: any start, stride and inner size.
// Needs: params.wgsl; STRIDED.

@group(0) @binding(2) var<storage, read> second: array<f32>;

fn second_at(row: u32, column: u32) -> u32 {
    if STRIDED {
        return params.second_start + (row / params.inner) * params.second_stride + row % params.inner + column * params.inner;
    }
    return params.second_start + row * params.second_stride + column;
}

fn load_second_quad(row: u32, quad: u32) -> vec4<f32> {
    let i = second_at(row, 4u * quad);
    let step = select(1u, params.inner, STRIDED);
    return vec4(second[i], second[i + step], second[i + 2u * step], second[i + 3u * step]);
}

fn load_second_some(row: u32, quad: u32, number: u32) -> vec4<f32> {
    let i = second_at(row, 4u * quad);
    let step = select(1u, params.inner, STRIDED);
    var value = vec4(second[i], 0.0, 0.0, 0.0);
    if number > 1u {
        value.y = second[i + step];
    }
    if number > 2u {
        value.z = second[i + 2u * step];
    }
    return value;
}
