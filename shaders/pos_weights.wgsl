// A weight for the positive side of each class. Needs: params.wgsl, words.wgsl.

fn pos_weight4(row: u32, quad: u32) -> vec4<f32> {
    let i = params.pos_weights + 4u * quad;
    return bitcast<vec4<f32>>(vec4(words[i], words[i + 1u], words[i + 2u], words[i + 3u]));
}
