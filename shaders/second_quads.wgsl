// Quads of the second matrix. Needs: layout.wgsl, load_second_quad and load_second_one.

// A quad of the second matrix; classes past the row's end read as `fill`.
fn load_second_padded(row: u32, quad: u32, fill: f32) -> vec4<f32> {
    let column = 4u * quad;
    if column + 4u <= classes() {
        return load_second_quad(row, quad);
    }
    var value = vec4(fill);
    value.x = load_second_one(row, column);
    if column + 1u < classes() {
        value.y = load_second_one(row, column + 1u);
    }
    if column + 2u < classes() {
        value.z = load_second_one(row, column + 2u);
    }
    return value;
}
