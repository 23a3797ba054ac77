// The results of a tile's rows: to the tile, and from there to where they are stored. Needs: layout.wgsl, tile.wgsl, put_quad, put_one.

fn store_quad(row: u32, quad: u32, value: vec4<f32>) {
    let i = tile_at(row, 4u * quad);
    tile[i] = value.x;
    tile[i + 1u] = value.y;
    tile[i + 2u] = value.z;
    tile[i + 3u] = value.w;
}

fn store_one(row: u32, column: u32, value: f32) {
    tile[tile_at(row, column)] = value;
}

fn empty_tile(rows: u32, lane: u32, lanes: u32) {
    let elements = rows * classes();
    let first = tile_row * classes() / 4u;
    for (var i = 4u * lane; i < elements; i += 4u * lanes) {
        let at = places4(i);
        if i + 4u <= elements {
            put_quad(0u, first + i / 4u, vec4(tile[at.x], tile[at.y], tile[at.z], tile[at.w]));
        } else {
            for (var j = 0u; i + j < elements; j += 1u) {
                put_one(0u, 4u * first + i + j, tile[at[j]]);
            }
        }
    }
}
