// Logits as they are: z = x.

struct Transform {
    unused: u32,
}

fn transform_of(row: u32) -> Transform {
    return Transform(0u);
}

fn transformed(transform: Transform, x: vec4<f32>) -> vec4<f32> {
    return x;
}

// The gradient with respect to x of what has the gradient g with respect to z.
fn pulled_back(transform: Transform, g: vec4<f32>, x: vec4<f32>) -> vec4<f32> {
    return g;
}
