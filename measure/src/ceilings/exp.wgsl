// The built-in exp of each element, of 32 or 16 bits.

alias Sum = f32;
alias Quad = vec4<f32>;

// 0: f32, 1: f16, 2: bf16.
override STORAGE: u32 = 0u;

fn value(quad: vec4<u32>) -> Quad {
    if STORAGE == 0u {
        return exp(bitcast<vec4<f32>>(quad));
    }
    if STORAGE == 1u {
        let low = vec4<f32>(unpack2x16float(quad.x), unpack2x16float(quad.y));
        let high = vec4<f32>(unpack2x16float(quad.z), unpack2x16float(quad.w));
        return exp(low) + exp(high);
    }
    return exp(bitcast<vec4<f32>>(quad << vec4<u32>(16u))) + exp(bitcast<vec4<f32>>(quad & vec4<u32>(0xffff0000u)));
}
