// The results of a row, to where they are stored. Needs: put_quad and put_some.

fn store_quad(row: u32, quad: u32, value: vec4<f32>) {
    put_quad(row, quad, value);
}

fn store_some(row: u32, quad: u32, value: vec4<f32>, number: u32) {
    put_some(row, quad, value, number);
}
