// A result of the logits' shape, f16 or bf16, written 4 bytes at a time: the start, the stride and the classes are multiples of 2, and so
// the halves of a word belong to one row and one thread.
// Needs: params.wgsl, half.wgsl.

override RESULT_BF16: bool = false;

@group(0) @binding(4) var<storage, read_write> result: array<u32>;

fn pair_at(row: u32, pair: u32) -> u32 {
    return (params.result_start + row * params.result_stride) / 2u + pair;
}

fn put_quad(row: u32, quad: u32, value: vec4<f32>) {
    let i = pair_at(row, 2u * quad);
    let words = words_of(narrow4(value, RESULT_BF16));
    result[i] = words.x;
    result[i + 1u] = words.y;
}

// The number is 2.
fn put_some(row: u32, quad: u32, value: vec4<f32>, number: u32) {
    result[pair_at(row, 2u * quad)] = words_of(narrow4(value, RESULT_BF16)).x;
}
