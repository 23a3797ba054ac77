// Whole numbers of 64 bits: the low and the high word. Sums of these do not depend on the order.

fn add_wide(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    let low = a.x + b.x;
    return vec2(low, a.y + b.y + select(0u, 1u, low < a.x));
}

fn is_at_least(a: vec2<u32>, b: vec2<u32>) -> bool {
    return a.y > b.y || (a.y == b.y && a.x >= b.x);
}

// All 64 bits of a product, from products of 16 bits.
fn multiply_wide(a: u32, b: u32) -> vec2<u32> {
    let a_low = a & 0xffffu;
    let b_low = b & 0xffffu;
    let a_high = a >> 16u;
    let b_high = b >> 16u;
    let first = a_high * b_low + ((a_low * b_low) >> 16u);
    let second = a_low * b_high + (first & 0xffffu);
    return vec2(a * b, a_high * b_high + (first >> 16u) + (second >> 16u));
}
