// The third matrix, f32, read one element at a time: any start, stride and inner size.
// Needs: params.wgsl; STRIDED.

@group(0) @binding(3) var<storage, read> third: array<f32>;

fn third_at(row: u32, column: u32) -> u32 {
    if STRIDED {
        return params.third_start + (row / params.inner) * params.third_stride + row % params.inner + column * params.inner;
    }
    return params.third_start + row * params.third_stride + column;
}

fn load_third_quad(row: u32, quad: u32) -> vec4<f32> {
    let i = third_at(row, 4u * quad);
    let step = select(1u, params.inner, STRIDED);
    return vec4(third[i], third[i + step], third[i + 2u * step], third[i + 3u * step]);
}

fn load_third_some(row: u32, quad: u32, number: u32) -> vec4<f32> {
    let i = third_at(row, 4u * quad);
    let step = select(1u, params.inner, STRIDED);
    var value = vec4(third[i], 0.0, 0.0, 0.0);
    if number > 1u {
        value.y = third[i + step];
    }
    if number > 2u {
        value.z = third[i + 2u * step];
    }
    return value;
}
