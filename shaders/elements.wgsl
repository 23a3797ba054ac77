// Writes the elements of a span of a row.
// Needs: params.wgsl, store_quad and store_one; load_quad and load_padded; element(row, quad, x, finish) of the operation,
// which makes of a quad x of logits a quad of the result.

fn write_quad(row: u32, quad: u32, finish: Finish) {
    let value = element(row, quad, load_padded(row, quad, 0.0), finish);
    let column = 4u * quad;
    if column + 4u <= params.classes {
        store_quad(row, quad, value);
        return;
    }
    store_one(row, column, value.x);
    if column + 1u < params.classes {
        store_one(row, column + 1u, value.y);
    }
    if column + 2u < params.classes {
        store_one(row, column + 2u, value.z);
    }
}

// Quads first + lane, first + lane + lanes, .. below `end`.
fn write_elements(row: u32, first: u32, end: u32, lane: u32, lanes: u32, finish: Finish) {
    let full = min(end, params.classes / 4u);
    var quad = first + lane;
    for (; quad + 3u * lanes < full; quad += 4u * lanes) {
        let a = element(row, quad, load_quad(row, quad), finish);
        let b = element(row, quad + lanes, load_quad(row, quad + lanes), finish);
        let c = element(row, quad + 2u * lanes, load_quad(row, quad + 2u * lanes), finish);
        let d = element(row, quad + 3u * lanes, load_quad(row, quad + 3u * lanes), finish);
        store_quad(row, quad, a);
        store_quad(row, quad + lanes, b);
        store_quad(row, quad + 2u * lanes, c);
        store_quad(row, quad + 3u * lanes, d);
    }
    for (; quad < end; quad += lanes) {
        write_quad(row, quad, finish);
    }
}
