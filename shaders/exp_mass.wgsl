// Each class counts exp(z - max z), in units so small that all classes together do not quite reach 2^63 of them; needed is a share of
// what may be chosen, see mass_total.wgsl. Needs: params.wgsl, words.wgsl, stats_masses.wgsl, ordered.wgsl.

fn peak_of(row: u32) -> f32 {
    return word_of(params.peak, row);
}

fn mass4(z: vec4<f32>, peak: f32) -> Masses {
    let power = ordered_power(opaque4(z - vec4(peak)));
    let bits = bitcast<vec4<u32>>(power.mantissa);
    // The mantissa is a whole number of 24 bits.
    let mantissa = (bits & vec4(0x007fffffu)) | vec4(0x00800000u);
    let unit = 31 + i32(countLeadingZeros(params.classes));
    let shift = power.exponent + vec4<i32>(bits >> vec4(23u)) - 127 - 23 + unit;
    let left = vec4<u32>(clamp(shift, vec4(0), vec4(63)));
    let right = vec4<u32>(clamp(-shift, vec4(0), vec4(31)));
    let above = left >= vec4(32u);
    let over = select(mantissa >> ((32u - left) & vec4(31u)), vec4(0u), left == vec4(0u));
    let low = select((mantissa << (left & vec4(31u))) >> right, vec4(0u), above);
    return Masses(low, select(over, mantissa << (left & vec4(31u)), above));
}

fn needed(row: u32) -> vec2<u32> {
    return vec2(words[params.needed_low + row], words[params.needed_high + row]);
}
