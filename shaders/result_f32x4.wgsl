// A result of the logits' shape, f32, written 16 bytes at a time: the start and the stride are multiples of 4 elements, and
// so those of a quad belong to one row and one thread.
// Needs: params.wgsl, stored_quads.wgsl.

@group(0) @binding(4) var<storage, read_write> result: array<Quad>;

fn put_quad(row: u32, quad: u32, value: vec4<f32>) {
    result[(params.result_start + row * params.result_stride) / 4u + quad] = pack_quad(bitcast<vec4<u32>>(value));
}

fn put_some(row: u32, quad: u32, value: vec4<f32>, number: u32) {
    let i = (params.result_start + row * params.result_stride) / 4u + quad;
    let is_there = vec4(0u, 1u, 2u, 3u) < vec4(number);
    result[i] = pack_quad(select(unpack_quad(result[i]), bitcast<vec4<u32>>(value), is_there));
}
