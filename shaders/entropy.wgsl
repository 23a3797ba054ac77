// Entropy of probabilities p: -p log p, 0 at p = 0, NaN for p < 0; its gradient is -(log p + 1), +inf at p = 0.
// Below the normal f32, p counts as 0. Needs: numerics.wgsl.

// NaN where p is, or is negative.
fn spoiled_or(v: vec4<f32>, p: vec4<f32>) -> vec4<f32> {
    return select(v, vec4(not_a_number()), bitcast<vec4<u32>>(p) > vec4(POSITIVE_INFINITY_BITS));
}

fn value(row: u32, quad: u32, p: vec4<f32>) -> vec4<f32> {
    return select(spoiled_or(-p * log4(p), p), vec4(0.0), vanishes4(p));
}

fn derivative(row: u32, quad: u32, p: vec4<f32>) -> vec4<f32> {
    return select(spoiled_or(-(log4(p) + 1.0), p), vec4(special(POSITIVE_INFINITY_BITS)), vanishes4(p));
}
