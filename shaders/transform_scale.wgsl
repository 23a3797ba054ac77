// Scaled logits: z = s x, with one factor for all rows or one for each. Needs: params.wgsl, words.wgsl.

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
    return transform.scale * x;
}

fn pulled_back(transform: Transform, g: vec4<f32>, x: vec4<f32>) -> vec4<f32> {
    return transform.scale * g;
}
