// The last quad of a row, in a texture: what follows the row is there to be read, or reads as nothing.
// Needs: layout.wgsl, load_quad.

// A quad of logits; classes past the row's end read as `fill`.
fn load_padded(row: u32, quad: u32, fill: f32) -> vec4<f32> {
    let inside = vec4(4u * quad) + vec4(0u, 1u, 2u, 3u) < vec4(classes());
    return select(vec4(fill), load_quad(row, quad), inside);
}
