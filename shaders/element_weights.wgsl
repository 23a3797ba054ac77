// A weight for each element: the third matrix. Needs: third_quads.wgsl.

const WEIGHTED: bool = true;

fn weight4(row: u32, quad: u32) -> vec4<f32> {
    return load_third_padded(row, quad, 0.0);
}
