// The results of a tile's rows: to the tile, and from there to where they are stored. Needs: layout.wgsl, tile.wgsl, put_quad, put_some.

fn store_quad(row: u32, quad: u32, value: vec4<f32>) {
    let i = tile_at(row, 4u * quad);
    tile[i] = value.x;
    tile[i + 1u] = value.y;
    tile[i + 2u] = value.z;
    tile[i + 3u] = value.w;
}

fn store_some(row: u32, quad: u32, value: vec4<f32>, number: u32) {
    let i = tile_at(row, 4u * quad);
    tile[i] = value.x;
    if number > 1u {
        tile[i + 1u] = value.y;
    }
    if number > 2u {
        tile[i + 2u] = value.z;
    }
}

fn empty_tile(rows: u32, lane: u32, lanes: u32) {
    let elements = rows * classes();
    let first = tile_row * classes() / 4u;
    for (var i = 4u * lane; i < elements; i += 4u * lanes) {
        let there = min(elements - i, 4u);
        let places = places4(i);
        let at = select(places.xxxx, places, vec4(0u, 1u, 2u, 3u) < vec4(there));
        let value = vec4(tile[at.x], tile[at.y], tile[at.z], tile[at.w]);
        if there == 4u {
            put_quad(0u, first + i / 4u, value);
        } else {
            put_some(0u, first + i / 4u, value, there);
        }
    }
}
