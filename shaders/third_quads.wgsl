// Quads of the third matrix. Needs: layout.wgsl, load_third_quad and load_third_some.

// A quad of the third matrix; classes past the row's end read as `fill`.
fn load_third_padded(row: u32, quad: u32, fill: f32) -> vec4<f32> {
    let there = classes() - 4u * quad;
    if there >= 4u {
        return load_third_quad(row, quad);
    }
    return select(vec4(fill), load_third_some(row, quad, there), vec4(0u, 1u, 2u, 3u) < vec4(there));
}
