// The last quad of a row, all of which can be read: in a texture, or in a buffer where rows start with a quad.
// Needs: layout.wgsl, load_quad.

// A quad of logits; classes past the row's end read as 0.
fn load_padded(row: u32, quad: u32) -> vec4<f32> {
    let inside = vec4(4u * quad) + vec4(0u, 1u, 2u, 3u) < vec4(classes());
    return select(vec4(0.0), load_quad(row, quad), inside);
}
