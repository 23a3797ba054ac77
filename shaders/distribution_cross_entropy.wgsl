// Cross-entropy of probabilities: of a prediction q, the second matrix, relative to p, the first.
//   loss = -p log q,   d loss / d q = -p / q (GRADIENT),   d loss / d p = -log q (TARGET_GRADIENT)
// p = 0 gives loss 0 and the first gradient 0 whatever q is, and the second 0 where q is 0 too; another p against q = 0 is infinite.
// q < 0 gives NaN, but for -p / q. Below the normal f32, p and q count as 0.
// Needs: numerics.wgsl, second_quads.wgsl, element_loss.wgsl.

fn value(row: u32, quad: u32, p: vec4<f32>) -> vec4<f32> {
    let q = load_second_padded(row, quad, 1.0);
    let spoiled = select(-p * log4(q), vec4(not_a_number()), is_nan4(p) | is_nan4(q) | (q < vec4(0.0)));
    return select(spoiled, vec4(0.0), vanishes4(p));
}

fn derivative(row: u32, quad: u32, p: vec4<f32>) -> vec4<f32> {
    let q = load_second_padded(row, quad, 1.0);
    if WRITES == TARGET_GRADIENT {
        return select(-log4(q), vec4(0.0), vanishes4(p) & vanishes4(q));
    }
    let spoiled = select(-p / q, vec4(not_a_number()), is_nan4(p) | is_nan4(q));
    let signs = (bitcast<vec4<u32>>(-p) ^ bitcast<vec4<u32>>(q)) & vec4(0x80000000u);
    let infinity = bitcast<vec4<f32>>((vec4(POSITIVE_INFINITY_BITS) | signs) & vec4(all_ones()));
    return select(select(spoiled, infinity, vanishes4(q) & !is_nan4(p)), vec4(0.0), vanishes4(p));
}
