// The gradient with respect to the targets, a second result. Needs: params.wgsl, layout.wgsl, store_target_one.

const TARGET_GRADIENT: bool = true;

fn store_target_quad(row: u32, quad: u32, value: vec4<f32>) {
    let block = (row / params.inner) * params.target_result_stride;
    let i = params.target_result_start + block + row % params.inner + 4u * quad * params.inner;
    let column = 4u * quad;
    store_target_one(i, value.x);
    if column + 1u < classes() {
        store_target_one(i + params.inner, value.y);
    }
    if column + 2u < classes() {
        store_target_one(i + 2u * params.inner, value.z);
    }
    if column + 3u < classes() {
        store_target_one(i + 3u * params.inner, value.w);
    }
}
