// A result of the logits' shape, f16 or bf16, written 8 bytes at a time: the start and the stride are multiples of 4 elements, and so
// the halves of a word belong to one row and one thread.
// Needs: params.wgsl, half.wgsl, stored_quads.wgsl.

override RESULT_BF16: bool = false;

@group(0) @binding(4) var<storage, read_write> result: array<HalfQuad>;

fn put_quad(row: u32, quad: u32, value: vec4<f32>) {
    result[(params.result_start + row * params.result_stride) / 4u + quad] = pack_half(words_of(narrow4(value, RESULT_BF16)));
}

fn put_one(row: u32, column: u32, value: f32) {
    let i = params.result_start + row * params.result_stride + column;
    let is_there = vec4(i % 4u) == vec4(0u, 1u, 2u, 3u);
    let halves = select(halves_of(unpack_half(result[i / 4u])), narrow4(vec4(value), RESULT_BF16), is_there);
    result[i / 4u] = pack_half(words_of(halves));
}
