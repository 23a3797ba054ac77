// A weight for each class. Needs: params.wgsl, words.wgsl.

const WEIGHTED: bool = true;

fn weight4(row: u32, quad: u32) -> vec4<f32> {
    let i = params.class_weights + params.first_class + 4u * quad;
    return bitcast<vec4<f32>>(vec4(words[i], words[i + 1u], words[i + 2u], words[i + 3u]));
}

fn weights_of(class_indices: vec4<u32>) -> vec4<f32> {
    let at = vec4(params.class_weights) + class_indices;
    return bitcast<vec4<f32>>(vec4(words[at.x], words[at.y], words[at.z], words[at.w]));
}

fn weight_of(class_index: u32) -> f32 {
    return word_of(params.class_weights, class_index);
}
