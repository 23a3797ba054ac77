// Rows of a tile in workgroup memory, in f32 whatever their storage: neighbouring rows, one a thread, without gaps between them in the
// buffer. It is filled and emptied by neighbouring threads side by side, quad after quad, as one long row that starts with the window;
// the rows in it are an odd number of words apart (those below 4 classes as they are), so that threads that are at the same class of
// theirs meet in different banks.
// A result takes the place of the logits. Needs: layout.wgsl, fetch_quad and fetch_one.

// Words of a tile.
override TILE: u32 = 4096u;

var<workgroup> tile: array<f32, TILE>;

// The first row of it.
var<private> tile_row: u32;

// Words between two rows of it.
fn gap() -> u32 {
    return select(1u - classes() % 2u, 0u, classes() < 4u);
}

fn tile_at(row: u32, column: u32) -> u32 {
    return (row - tile_row) * (classes() + gap()) + column;
}

fn load_quad(row: u32, quad: u32) -> vec4<f32> {
    let i = tile_at(row, 4u * quad);
    return vec4(tile[i], tile[i + 1u], tile[i + 2u], tile[i + 3u]);
}

fn load_one(row: u32, column: u32) -> f32 {
    return tile[tile_at(row, column)];
}

// The last quad of a row; classes past its end read as 0.
fn load_padded(row: u32, quad: u32) -> vec4<f32> {
    let there = vec4(4u * quad) + vec4(0u, 1u, 2u, 3u) < vec4(classes());
    let i = tile_at(row, 4u * quad);
    let at = select(vec4(i), vec4(i) + vec4(0u, 1u, 2u, 3u), there);
    return select(vec4(0.0), vec4(tile[at.x], tile[at.y], tile[at.z], tile[at.w]), there);
}

// Where four elements lie, the first the i-th from the tile's start. No more than two rows meet in them if there is a gap.
fn places4(i: u32) -> vec4<u32> {
    let steps = vec4(0u, 1u, 2u, 3u);
    let row = i / classes();
    let passed = vec4(i - row * classes()) + steps >= vec4(classes());
    return vec4(i) + steps + gap() * (vec4(row) + select(vec4(0u), vec4(1u), passed));
}

// Quads of `rows` rows from the tile's first, which starts with a quad.
fn fill_tile(rows: u32, lane: u32, lanes: u32) {
    let elements = rows * classes();
    let first = tile_row * classes() / 4u;
    for (var i = 4u * lane; i < elements; i += 4u * lanes) {
        let at = places4(i);
        if i + 4u <= elements {
            let x = fetch_quad(0u, first + i / 4u);
            tile[at.x] = x.x;
            tile[at.y] = x.y;
            tile[at.z] = x.z;
            tile[at.w] = x.w;
        } else {
            for (var j = 0u; i + j < elements; j += 1u) {
                tile[at[j]] = fetch_one(0u, 4u * first + i + j);
            }
        }
    }
}
