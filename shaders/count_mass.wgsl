// Each class counts 1, and top_k of them are needed. Needs: params.wgsl, stats_masses.wgsl.

fn peak_of(row: u32) -> f32 {
    return 0.0;
}

fn mass4(z: vec4<f32>, peak: f32) -> Masses {
    return Masses(vec4(1u), vec4(0u));
}

fn needed(row: u32) -> vec2<u32> {
    return vec2(params.top_k, 0u);
}
