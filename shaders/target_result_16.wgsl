// A second result of the logits' shape, f16 or bf16, written one element at a time, as result_16.wgsl does it.
// Needs: params.wgsl, half.wgsl.

override TARGET_RESULT_BF16: bool = false;

@group(0) @binding(9) var<storage, read_write> target_result: array<atomic<u32>>;

fn store_target_one(i: u32, value: f32) {
    let shift = 16u * (i % 2u);
    atomicAnd(&target_result[i / 2u], ~(HALF_MASK << shift));
    atomicOr(&target_result[i / 2u], narrow4(vec4(value), TARGET_RESULT_BF16).x << shift);
}
