// exp, log and log1p whose error does not depend on the adapter, and words for special values.
//
// WGSL promises 3 + 2|x| ULP for exp and an absolute 2^-21 for log near 1, and lets compilers reorder. These hold
// 1.5e-7 relative on every adapter tested, from +, -, *, floor and integer operations alone.
// exp: Cody and Waite's reduction x = n ln 2 + r, then a degree 6 minimax polynomial.
// log: x = 2^n m, m in [sqrt(1/2), sqrt(2)], then a degree 10 minimax polynomial in m - 1.
// Needs: all_ones(), which gives 0xffffffff from where no compiler sees it: params.wgsl.

const LOWEST: f32 = -0x1.fffffep+127f;
const POSITIVE_INFINITY_BITS: u32 = 0x7f800000u;
const NEGATIVE_INFINITY_BITS: u32 = 0xff800000u;
const MAGNITUDE_BITS: u32 = 0x7fffffffu;

// The smallest normal number, which adapters may take all smaller ones for 0.
const NORMAL_BITS: u32 = 0x00800000u;
const LOG2_E: f32 = 1.4426950408889634;
const LN2_HIGH: f32 = 0.693145751953125; // 22713 / 32768: n * LN2_HIGH is exact for |n| < 512
const LN2_LOW: f32 = 1.428606765330187e-6;

// 1.5 * 2^23, and the bias of exponents: the sum with an integer has it, biased, in its lowest bits. A conversion would be clamped first,
// and rounding to even takes SwiftShader several steps where floor is one.
const INTEGER_BITS: f32 = 12582912.0 + 127.0;

// One in the exponent, the rest of the word shifted out: SwiftShader shifts vectors number by number.
const EXPONENT_STEP: u32 = 0x00800000u;

// Below, e^x is not a normal f32; adapters differ in what they make of such numbers, so it is 0 on all of them.
const EXP_LOWEST: f32 = -87.3;

// Above, 2^n of the reduction would not fit the exponent.
const EXP_HIGHEST: f32 = 88.3;

// The value, which the compiler can no longer see through: without this, Mesa merges n * LN2_HIGH + n * LN2_LOW into
// one product, and any compiler may cancel (a + b) - a.
fn opaque(x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) & all_ones());
}

fn opaque4(x: vec4<f32>) -> vec4<f32> {
    return bitcast<vec4<f32>>(bitcast<vec4<u32>>(x) & vec4(all_ones()));
}

// Special values are made at run time: as constants they are errors in WGSL.
fn special(bits: u32) -> f32 {
    return bitcast<f32>(bits & all_ones());
}

fn negative_infinity() -> f32 {
    return special(NEGATIVE_INFINITY_BITS);
}

fn not_a_number() -> f32 {
    return special(0x7fc00000u);
}

// e^x for x <= 0; 0 below EXP_LOWEST, also for -inf.
fn exp1(x: f32) -> f32 {
    let v = max(x, EXP_LOWEST);
    let n = floor(v * LOG2_E + 0.5);
    let r = opaque(v - n * LN2_HIGH) - n * LN2_LOW;
    var p = 1.3814467238262296e-3;
    p = fma(p, r, 8.368780836462975e-3);
    p = fma(p, r, 4.166839271783829e-2);
    p = fma(p, r, 1.666651964187622e-1);
    p = fma(p, r, 4.999999403953552e-1);
    p = fma(p * r, r, r) + 1.0;
    let e = p * bitcast<f32>(bitcast<u32>(n + INTEGER_BITS) * EXPONENT_STEP);
    return select(e, 0.0, x < EXP_LOWEST);
}

// One after the other: SwiftShader keeps four at once in memory, not in registers.
fn exp4(x: vec4<f32>) -> vec4<f32> {
    return vec4(exp1(x.x), exp1(x.y), exp1(x.z), exp1(x.w));
}

// e^x for any x; +inf where it is beyond f32, NaN for NaN.
fn exp_any(x: vec4<f32>) -> vec4<f32> {
    let e = exp4(min(x, vec4(EXP_HIGHEST)));
    let beyond = select(e, vec4(special(POSITIVE_INFINITY_BITS)), x > vec4(EXP_HIGHEST));
    return select(beyond, vec4(not_a_number()), (bitcast<vec4<u32>>(x) & vec4(MAGNITUDE_BITS)) > vec4(POSITIVE_INFINITY_BITS));
}

// tanh without loss of relative accuracy near 0: (1 - e) / (1 + e) with e = exp(-2|u|), the numerator as an expm1.
fn tanh4(u: vec4<f32>) -> vec4<f32> {
    let n = -expm1_4(-2.0 * abs(u));
    return sign(u) * (n / (2.0 - n));
}

// e^x - 1 for x <= 0, relative error 3e-7 also near 0: a Taylor series where the difference would cancel.
fn expm1_4(x: vec4<f32>) -> vec4<f32> {
    let v = max(x, vec4(-0.5));
    var p = vec4(2.48015873015873e-5);
    p = fma(p, v, vec4(1.984126984126984e-4));
    p = fma(p, v, vec4(1.388888888888889e-3));
    p = fma(p, v, vec4(8.333333333333333e-3));
    p = fma(p, v, vec4(4.1666666666666664e-2));
    p = fma(p, v, vec4(1.6666666666666666e-1));
    p = fma(p, v, vec4(0.5));
    return select(exp4(x) - 1.0, fma(p * v, v, v), x > vec4(-0.5));
}

fn magnitude4(x: vec4<f32>) -> vec4<u32> {
    return bitcast<vec4<u32>>(x) & vec4(MAGNITUDE_BITS);
}

fn is_nan4(x: vec4<f32>) -> vec4<bool> {
    return magnitude4(x) > vec4(POSITIVE_INFINITY_BITS);
}

// 0, or so small that adapters may take it for 0.
fn vanishes4(x: vec4<f32>) -> vec4<bool> {
    return magnitude4(x) < vec4(NORMAL_BITS);
}

fn is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & MAGNITUDE_BITS) < POSITIVE_INFINITY_BITS;
}

fn largest(x: vec4<f32>) -> f32 {
    return max(max(x.x, x.y), max(x.z, x.w));
}

fn largest_bits(x: vec4<u32>) -> u32 {
    return max(max(x.x, x.y), max(x.z, x.w));
}

fn total(x: vec4<f32>) -> f32 {
    return (x.x + x.y) + (x.z + x.w);
}

fn number_of(found: vec4<bool>) -> u32 {
    let ones = select(vec4(0u), vec4(1u), found);
    return (ones.x + ones.y) + (ones.z + ones.w);
}

// log(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)].
fn log1p_near_zero(f: f32) -> f32 {
    var p = -7.63438418507576e-2;
    p = fma(p, f, 1.276542693376541e-1);
    p = fma(p, f, -1.316200494766235e-1);
    p = fma(p, f, 1.4201368391513824e-1);
    p = fma(p, f, -1.662314385175705e-1);
    p = fma(p, f, 2.000123560428619e-1);
    p = fma(p, f, -2.5000825524330139e-1);
    p = fma(p, f, 3.333333134651184e-1);
    return fma(p * f - 0.5, f * f, f);
}

fn log1p_near_zero4(f: vec4<f32>) -> vec4<f32> {
    return vec4(log1p_near_zero(f.x), log1p_near_zero(f.y), log1p_near_zero(f.z), log1p_near_zero(f.w));
}

// log x for normal x > 0; without loss of relative accuracy for x >= 1.
fn log_from_one(x: f32) -> f32 {
    let bits = bitcast<u32>(x);
    // Adding the distance from sqrt(1/2) to 1 moves the exponent's step from 1 to sqrt(1/2).
    let shifted = bits + 0x004afb0du;
    let n = f32(i32(shifted >> 23u) - 127);
    let m = bitcast<f32>((shifted & 0x007fffffu) + 0x3f3504f3u);
    return fma(n, LN2_HIGH, fma(n, LN2_LOW, log1p_near_zero(m - 1.0)));
}

// log(1 + x) for x >= 0: no accuracy is lost for small x.
fn log1p(x: f32) -> f32 {
    if x < 0.4142 {
        return log1p_near_zero(x);
    }
    return log_from_one(1.0 + x);
}

// log x for any x, relative error 3e-7 also near 1. -inf for 0 and for what is below the normal f32, which adapters may take for 0;
// NaN for x < 0.
fn log4(x: vec4<f32>) -> vec4<f32> {
    let bits = bitcast<vec4<u32>>(x);
    let shifted = bits + vec4(0x004afb0du);
    let n = vec4<f32>(vec4<i32>(shifted >> vec4(23u)) - 127);
    let m = bitcast<vec4<f32>>((shifted & vec4(0x007fffffu)) + vec4(0x3f3504f3u));
    var y = fma(n, vec4(LN2_HIGH), fma(n, vec4(LN2_LOW), log1p_near_zero4(m - 1.0)));
    y = select(y, vec4(special(POSITIVE_INFINITY_BITS)), bits == vec4(POSITIVE_INFINITY_BITS));
    // A negative number's bits are above those of NaN.
    y = select(y, vec4(not_a_number()), bits > vec4(POSITIVE_INFINITY_BITS));
    return select(y, vec4(negative_infinity()), vanishes4(x));
}

// log(1 + x) for x from 0 to 1: no accuracy is lost for small x.
fn log1p_unit4(x: vec4<f32>) -> vec4<f32> {
    // Above sqrt(2), 1 + x is taken as 2 (1 + (x - 1) / 2).
    let upper = vec4(LN2_HIGH) + (vec4(LN2_LOW) + log1p_near_zero4(0.5 * x - 0.5));
    return select(upper, log1p_near_zero4(min(x, vec4(0.4142))), x < vec4(0.4142));
}

// A sum that keeps what rounding drops (Kahan, 1965): value - low is the sum, its error does not grow with the number of terms.
struct Sum {
    value: f32,
    low: f32,
}

fn add(sum: Sum, term: f32) -> Sum {
    let y = term - sum.low;
    let value = opaque(sum.value + y);
    return Sum(value, opaque(value - sum.value) - y);
}

fn value_of(sum: Sum) -> f32 {
    return sum.value - sum.low;
}

// a - b as a rounded difference and what rounding dropped (Knuth's two-sum); nothing, if the difference overflows.
fn two_difference(a: f32, b: f32) -> vec2<f32> {
    let d = opaque(a - b);
    let b_part = opaque(d - a);
    let low = opaque(a - opaque(d - b_part)) - opaque(b + b_part);
    return vec2(d, select(0.0, low, is_finite(low)));
}
