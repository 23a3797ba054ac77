// Numbers in the order of floats: a larger logit has a larger key, equal ones (also 0 and -0) the same.
// Needs: params.wgsl, numerics.wgsl, quads.wgsl; Transform; allowed4.

const HIGHEST_BIT: u32 = 0x80000000u;

// The key of the lowest finite value; those of -inf and of nothing, 0, are below.
const LOWEST_KEY: u32 = 0x00800000u;

fn key4(z: vec4<f32>) -> vec4<u32> {
    let bits = select(bitcast<vec4<u32>>(z), vec4(0u), magnitude4(z) == vec4(0u));
    return bits ^ select(vec4(HIGHEST_BIT), vec4(NONE), bits >= vec4(HIGHEST_BIT));
}

fn value_of_key(key: u32) -> f32 {
    return bitcast<f32>(key ^ select(NONE, HIGHEST_BIT, key >= HIGHEST_BIT));
}

// Where a quad has classes that take part.
fn present4(row: u32, quad: u32) -> vec4<bool> {
    let inside = vec4(4u * quad) + vec4(0u, 1u, 2u, 3u) < vec4(params.classes);
    return inside & allowed4(row, quad);
}
