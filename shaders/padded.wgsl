// The last quad of a row of which only what belongs to the row may be read. Needs: layout.wgsl, load_quad and fetch_some.

// A quad of logits; classes past the row's end read as 0.
fn load_padded(row: u32, quad: u32) -> vec4<f32> {
    let there = classes() - 4u * quad;
    if there >= 4u {
        return load_quad(row, quad);
    }
    return fetch_some(row, quad, there);
}
