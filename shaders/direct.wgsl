// The logits of a row, from where they are stored. Needs: fetch_quad and fetch_one.

fn load_quad(row: u32, quad: u32) -> vec4<f32> {
    return fetch_quad(row, quad);
}

fn load_one(row: u32, column: u32) -> f32 {
    return fetch_one(row, column);
}
