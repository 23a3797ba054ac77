// Numbers of 16 bits, two a word: f16, IEEE 754 half precision, or bf16, the upper half of an f32. Widening is exact; narrowing
// rounds to the nearest, of two equally near ones to the even one, and what is too large becomes infinite. Written with bits, as
// the built-in conversions may round and flush as they like. Needs: numerics.wgsl.

const HALF_MASK: u32 = 0xffffu;
const HALF_SIGN: u32 = 0x8000u;

// What the exponents of f32 and f16 differ by, in place in an f32.
const HALF_BIAS: u32 = 0x38000000u;

// The step of f16 below its smallest normal number 2^-14, which is HALF_NORMAL_BITS as an f32.
const HALF_STEP: f32 = 5.9604644775390625e-8;
const HALF_STEPS: f32 = 16777216.0;
const HALF_NORMAL_BITS: u32 = 0x38800000u;

// 65520 as an f32: the smallest number that rounds to infinity.
const HALF_OVERFLOW_BITS: u32 = 0x477ff000u;

fn halves_of(words: vec2<u32>) -> vec4<u32> {
    return vec4(words.x & HALF_MASK, words.x >> 16u, words.y & HALF_MASK, words.y >> 16u);
}

fn words_of(halves: vec4<u32>) -> vec2<u32> {
    return halves.xz | (halves.yw << vec2(16u));
}

fn widen4(halves: vec4<u32>, is_bf16: bool) -> vec4<f32> {
    if is_bf16 {
        return bitcast<vec4<f32>>(halves << vec4(16u));
    }
    let shifted = (halves & vec4(0x7fffu)) << vec4(13u);
    let is_special = shifted >= vec4(0x0f800000u);
    var bits = shifted + select(vec4(HALF_BIAS), vec4(2u * HALF_BIAS), is_special);
    let small = bitcast<vec4<u32>>(vec4<f32>(halves & vec4(0x3ffu)) * HALF_STEP);
    bits = select(bits, small, shifted < vec4(0x00800000u));
    return bitcast<vec4<f32>>(bits | ((halves & vec4(HALF_SIGN)) << vec4(16u)));
}

fn narrow4(value: vec4<f32>, is_bf16: bool) -> vec4<u32> {
    let bits = bitcast<vec4<u32>>(value);
    let sign = (bits >> vec4(16u)) & vec4(HALF_SIGN);
    let magnitude = bits & vec4(MAGNITUDE_BITS);
    let is_nan = magnitude > vec4(POSITIVE_INFINITY_BITS);
    if is_bf16 {
        let odd = (magnitude >> vec4(16u)) & vec4(1u);
        let rounded = (magnitude + vec4(0x7fffu) + odd) >> vec4(16u);
        return sign | select(rounded, vec4(0x7fc0u), is_nan);
    }
    let odd = (magnitude >> vec4(13u)) & vec4(1u);
    let normal = ((magnitude + vec4(0xfffu) + odd) >> vec4(13u)) - vec4(HALF_BIAS >> 13u);
    let is_small = magnitude < vec4(HALF_NORMAL_BITS);
    let small = vec4<u32>(round(select(vec4(0.0), abs(value) * HALF_STEPS, is_small)));
    let finite = select(normal, small, is_small);
    let rounded = select(finite, vec4(0x7c00u), magnitude >= vec4(HALF_OVERFLOW_BITS));
    return sign | select(rounded, vec4(0x7e00u), is_nan);
}
