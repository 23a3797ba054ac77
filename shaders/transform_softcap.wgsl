// Scaled and softly limited logits: z = cap tanh(s x / cap), dz/dx = s / cosh^2(s x / cap). Needs: params.wgsl, words.wgsl, numerics.wgsl.

struct Transform {
    scale: f32,
}

fn transform_of(row: u32) -> Transform {
    if params.row_scales != NONE {
        return Transform(word_of(params.row_scales, row));
    }
    return Transform(params.scale);
}

fn transformed(transform: Transform, x: vec4<f32>) -> vec4<f32> {
    let u = transform.scale * x / params.softcap;
    let tanh = tanh4(u);
    // NaN stays NaN on every adapter.
    return select(params.softcap * tanh, u, magnitude4(u) > vec4(POSITIVE_INFINITY_BITS));
}

fn pulled_back(transform: Transform, g: vec4<f32>, x: vec4<f32>) -> vec4<f32> {
    let e = exp4(-2.0 * abs(transform.scale * x / params.softcap));
    let root = 1.0 + e;
    return g * transform.scale * (4.0 * e / (root * root));
}
