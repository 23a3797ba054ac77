// The last quad of a row, in a buffer: nothing past the row's end is touched. Needs: layout.wgsl, load_quad and load_one.

// A quad of logits; classes past the row's end read as `fill`.
fn load_padded(row: u32, quad: u32, fill: f32) -> vec4<f32> {
    let column = 4u * quad;
    if column + 4u <= classes() {
        return load_quad(row, quad);
    }
    var value = vec4(fill);
    value.x = load_one(row, column);
    if column + 1u < classes() {
        value.y = load_one(row, column + 1u);
    }
    if column + 2u < classes() {
        value.z = load_one(row, column + 2u);
    }
    return value;
}
