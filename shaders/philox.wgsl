// Random numbers: Philox4x32-10 (Salmon, Moraes, Dror and Shaw: Parallel Random Numbers: As Easy as 1, 2, 3, 2011), keyed by the
// seed and counted by (quad of classes, row, draw, the row's upper 32 bits): one call for the four classes of a quad.
// Needs: params.wgsl, wide.wgsl, numerics.wgsl, ordered.wgsl.

fn philox_round(c: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
    let a = multiply_wide(0xd2511f53u, c.x);
    let b = multiply_wide(0xcd9e8d57u, c.z);
    return vec4(b.y ^ c.y ^ key.x, b.x, a.y ^ c.w ^ key.y, a.x);
}

// The rounds are written out: each pass of a loop would count against the adapter's limit.
fn philox(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
    let step = vec2(0x9e3779b9u, 0xbb67ae85u);
    var c = philox_round(counter, key);
    c = philox_round(c, key + step);
    c = philox_round(c, key + 2u * step);
    c = philox_round(c, key + 3u * step);
    c = philox_round(c, key + 4u * step);
    c = philox_round(c, key + 5u * step);
    c = philox_round(c, key + 6u * step);
    c = philox_round(c, key + 7u * step);
    c = philox_round(c, key + 8u * step);
    return philox_round(c, key + 9u * step);
}

// Gumbel noise -log(-log(1 - v)), v uniform in (0, 1): (bits + 1/2) / 2^32 rounded once, so that the large values, which decide, have
// all digits; at most 1 - 2^-24.
fn gumbel4(row: u32, quad: u32) -> vec4<f32> {
    let number = add_wide(vec2(params.first_row_low, params.first_row_high), vec2(params.row_base + row, 0u));
    let bits = philox(vec4(quad, number.x, params.draw, number.y), vec2(params.seed_low, params.seed_high));
    let high = opaque4(vec4<f32>(bits >> vec4(16u)) * 0x1p-16f);
    let low = opaque4((vec4<f32>(bits & vec4(0xffffu)) + 0.5) * 0x1p-32f);
    let v = min(opaque4(high + low), vec4(0x0.ffffffp+0f));
    let e = -ordered_log(opaque4(1.0 - v), -v);
    return -ordered_log(e, opaque4(e - 1.0));
}
