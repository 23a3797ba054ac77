// The positive side of all classes weighs 1.

fn pos_weight4(row: u32, quad: u32) -> vec4<f32> {
    return vec4(1.0);
}
