// No gradient with respect to the targets.

const TARGET_GRADIENT: bool = false;

fn store_target_quad(row: u32, quad: u32, value: vec4<f32>) {}
