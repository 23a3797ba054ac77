// A second result of the logits' shape, f32, written one element at a time. Needs: params.wgsl.

@group(0) @binding(9) var<storage, read_write> target_result: array<f32>;

fn store_target_one(i: u32, value: f32) {
    target_result[i] = value;
}
