// Binary cross-entropy of logits x and targets y, the second matrix, with weights w and positive weights v:
//   loss = w ((1 - y) softplus(x) + v y softplus(-x)),   softplus(x) = log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))
//   d loss / d x = w ((1 - y) sigmoid(x) - v y sigmoid(-x))
// which cancels nothing for y of 0 or 1, and in the loss nothing for any y between. A term whose coefficient is 0 is not there, also
// against an infinite x; w = 0 gives 0 whatever else there is; otherwise NaN stays NaN.
// Needs: params.wgsl, numerics.wgsl, second_quads.wgsl; weight4, pos_weight4.

fn spoiled_or(v: vec4<f32>, x: vec4<f32>, y: vec4<f32>, w: vec4<f32>) -> vec4<f32> {
    let spoiled = select(v, vec4(not_a_number()), is_nan4(x) | is_nan4(y) | is_nan4(w));
    return select(spoiled, vec4(0.0), magnitude4(w) == vec4(0u));
}

fn value(row: u32, quad: u32, x: vec4<f32>) -> vec4<f32> {
    let y = load_second_padded(row, quad, 0.0);
    let w = weight4(row, quad);
    let negative = 1.0 - y;
    let positive = pos_weight4(row, quad) * y;
    let rest = log1p_unit4(exp4(-abs(x)));
    let of_negative = select(negative * (max(x, vec4(0.0)) + rest), vec4(0.0), negative == vec4(0.0));
    let of_positive = select(positive * (max(-x, vec4(0.0)) + rest), vec4(0.0), positive == vec4(0.0));
    return spoiled_or(w * (of_negative + of_positive), x, y, w);
}

fn derivative(row: u32, quad: u32, x: vec4<f32>) -> vec4<f32> {
    let y = load_second_padded(row, quad, 0.0);
    let w = weight4(row, quad);
    let e = exp4(-abs(x));
    let near = 1.0 / (1.0 + e);
    let far = e / (1.0 + e);
    let up = select(near, far, x < vec4(0.0));
    let down = select(far, near, x < vec4(0.0));
    return spoiled_or(w * ((1.0 - y) * up - pos_weight4(row, quad) * y * down), x, y, w);
}
