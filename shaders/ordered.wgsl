// Arithmetic that gives the same bits on every adapter and on a CPU, for draws that are the same everywhere.
//
// WGSL lets compilers fuse a product with a sum, reorder sums, and flush denormal numbers. Here nothing but +, -, *, floor and exact
// conversions happens to floats, each result goes through opaque() before it is used again, and denormal logits are 0.
// reference/sample.rs does the same in the same order. The polynomials are those of numerics.wgsl.
// Needs: params.wgsl, numerics.wgsl; Transform.

const SMALLEST_NORMAL_BITS: u32 = 0x00800000u;

fn without_denormals(x: vec4<f32>) -> vec4<f32> {
    return select(x, vec4(0.0), magnitude4(x) < vec4(SMALLEST_NORMAL_BITS));
}

fn ordered_logit4(transform: Transform, x: vec4<f32>) -> vec4<f32> {
    return without_denormals(opaque4(transformed(transform, without_denormals(x))));
}

// a b + c, rounded twice.
fn product_plus(a: vec4<f32>, b: vec4<f32>, c: vec4<f32>) -> vec4<f32> {
    return opaque4(opaque4(a * b) + c);
}

// log x for x > 0, not denormal; x_less_1 is x - 1, to more digits than x if need be.
fn ordered_log(x: vec4<f32>, x_less_1: vec4<f32>) -> vec4<f32> {
    let shifted = bitcast<vec4<u32>>(x) + vec4(0x004afb0du);
    let exponent = vec4<i32>(shifted >> vec4(23u)) - 127;
    let m = bitcast<vec4<f32>>((shifted & vec4(0x007fffffu)) + vec4(0x3f3504f3u));
    let f = select(opaque4(m - 1.0), x_less_1, exponent == vec4(0));
    var p = vec4(-7.63438418507576e-2);
    p = product_plus(p, f, vec4(1.276542693376541e-1));
    p = product_plus(p, f, vec4(-1.316200494766235e-1));
    p = product_plus(p, f, vec4(1.4201368391513824e-1));
    p = product_plus(p, f, vec4(-1.662314385175705e-1));
    p = product_plus(p, f, vec4(2.000123560428619e-1));
    p = product_plus(p, f, vec4(-2.5000825524330139e-1));
    p = product_plus(p, f, vec4(3.333333134651184e-1));
    p = product_plus(p, f, vec4(-0.5));
    p = product_plus(p, opaque4(f * f), f);
    let n = vec4<f32>(exponent);
    return product_plus(n, vec4(LN2_HIGH), product_plus(n, vec4(LN2_LOW), p));
}

// e^x = mantissa 2^exponent, for x <= 0; below EXP_LOWEST that of EXP_LOWEST.
struct Power {
    mantissa: vec4<f32>,
    exponent: vec4<i32>,
}

fn ordered_power(x: vec4<f32>) -> Power {
    let v = max(x, vec4(EXP_LOWEST));
    let n = floor(product_plus(v, vec4(LOG2_E), vec4(0.5)));
    let r = product_plus(n, vec4(-LN2_LOW), product_plus(n, vec4(-LN2_HIGH), v));
    var p = vec4(1.3814467238262296e-3);
    p = product_plus(p, r, vec4(8.368780836462975e-3));
    p = product_plus(p, r, vec4(4.166839271783829e-2));
    p = product_plus(p, r, vec4(1.666651964187622e-1));
    p = product_plus(p, r, vec4(4.999999403953552e-1));
    p = product_plus(opaque4(p * r), r, r);
    return Power(opaque4(p + 1.0), vec4<i32>(n));
}
