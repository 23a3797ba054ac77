// The results of a row, to where they are stored. Needs: put_quad and put_one.

fn store_quad(row: u32, quad: u32, value: vec4<f32>) {
    put_quad(row, quad, value);
}

fn store_one(row: u32, column: u32, value: f32) {
    put_one(row, column, value);
}
