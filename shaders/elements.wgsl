// Writes the elements of a span of a row.
// Needs: layout.wgsl, quads.wgsl, store_quad and store_some; load_padded; element(row, quad, x, finish) of the operation,
// which makes of a quad x of logits a quad of the result.

// A quad of logits, all within the row.
fn write_within(row: u32, quad: u32, x: vec4<f32>, finish: Finish) {
    store_quad(row, quad, element(row, quad, x, finish));
}

// One that may be partial.
fn write_last(row: u32, quad: u32, x: vec4<f32>, finish: Finish) {
    let value = element(row, quad, x, finish);
    let there = classes() - 4u * quad;
    if there >= 4u {
        store_quad(row, quad, value);
    } else {
        store_some(row, quad, value, there);
    }
}

fn write_quad(row: u32, quad: u32, finish: Finish) {
    write_last(row, quad, load_padded(row, quad), finish);
}

fn write_block(row: u32, quad: u32, step: u32, x: Block, finish: Finish) {
    let a = element(row, quad, x.a, finish);
    let b = element(row, quad + step, x.b, finish);
    let c = element(row, quad + 2u * step, x.c, finish);
    let d = element(row, quad + 3u * step, x.d, finish);
    store_quad(row, quad, a);
    store_quad(row, quad + step, b);
    store_quad(row, quad + 2u * step, c);
    store_quad(row, quad + 3u * step, d);
}

// Quads first + lane, first + lane + lanes, .. below `end`.
fn write_elements(row: u32, first: u32, end: u32, lane: u32, lanes: u32, finish: Finish) {
    let full = min(end, classes() / 4u);
    var quad = first + lane;
    for (; quad + 3u * lanes < full; quad += 4u * lanes) {
        write_block(row, quad, lanes, load_block(row, quad, lanes), finish);
    }
    for (; quad < end; quad += lanes) {
        write_quad(row, quad, finish);
    }
}
