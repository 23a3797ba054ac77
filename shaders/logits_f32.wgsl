// The logits, f32, read one element at a time: any start, stride and inner size.
// Needs: params.wgsl; STRIDED.

@group(0) @binding(1) var<storage, read> logits: array<f32>;

fn logits_at(row: u32, column: u32) -> u32 {
    if STRIDED {
        return params.logits_start + (row / params.inner) * params.logits_stride + row % params.inner + column * params.inner;
    }
    return params.logits_start + row * params.logits_stride + column;
}

fn fetch_quad(row: u32, quad: u32) -> vec4<f32> {
    let i = logits_at(row, 4u * quad);
    let step = select(1u, params.inner, STRIDED);
    return vec4(logits[i], logits[i + step], logits[i + 2u * step], logits[i + 3u * step]);
}

fn fetch_one(row: u32, column: u32) -> f32 {
    return logits[logits_at(row, column)];
}

fn fetch_some(row: u32, quad: u32, number: u32) -> vec4<f32> {
    let i = logits_at(row, 4u * quad);
    let step = select(1u, params.inner, STRIDED);
    var value = vec4(logits[i], 0.0, 0.0, 0.0);
    if number > 1u {
        value.y = logits[i + step];
    }
    if number > 2u {
        value.z = logits[i + 2u * step];
    }
    return value;
}
