// What a row's loss is multiplied by, and its gradient. Needs: params.wgsl, words.wgsl, numerics.wgsl.

// Whether rows have weights or upstream gradients.
override ROW_FACTORS: bool = false;

fn row_weight(row: u32) -> f32 {
    if ROW_FACTORS && params.row_weights != NONE {
        return word_of(params.row_weights, row);
    }
    return 1.0;
}

// What a row's loss is multiplied by to be its share of the gradient's source.
fn row_factor(row: u32) -> f32 {
    var factor = params.factor;
    if ROW_FACTORS && params.upstream != NONE {
        factor *= word_of(params.upstream, row);
    }
    if params.mean == 1u {
        if denominator() == 0.0 {
            return select(not_a_number(), 0.0, is_empty_zero());
        }
        factor /= denominator();
    }
    return factor;
}

// Whether the mean is over nothing, and 0 for that.
fn is_empty_zero() -> bool {
    return params.mean == 1u && params.empty_zero == 1u && denominator() == 0.0;
}
