// Rows as quads: four neighbouring classes. The last quad of a row may be partial: see padded.wgsl.

// Where a quad holds `class`.
fn is_column(quad: u32, column: u32) -> vec4<bool> {
    return vec4(column - 4u * quad) == vec4(0u, 1u, 2u, 3u);
}
