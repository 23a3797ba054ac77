// A result of the logits' shape, f16 or bf16, written 8 bytes at a time: the start and the stride are multiples of 4 elements, and so
// the halves of a word belong to one row and one thread.
// Needs: params.wgsl, half.wgsl, stored_quads.wgsl.

override RESULT_BF16: bool = false;

@group(0) @binding(4) var<storage, read_write> result: array<HalfQuad>;

fn put_quad(row: u32, quad: u32, value: vec4<f32>) {
    result[(params.result_start + row * params.result_stride) / 4u + quad] = pack_half(words_of(narrow4(value, RESULT_BF16)));
}

fn put_some(row: u32, quad: u32, value: vec4<f32>, number: u32) {
    let i = (params.result_start + row * params.result_stride) / 4u + quad;
    let is_there = vec4(0u, 1u, 2u, 3u) < vec4(number);
    let halves = select(halves_of(unpack_half(result[i])), narrow4(value, RESULT_BF16), is_there);
    result[i] = pack_half(words_of(halves));
}
