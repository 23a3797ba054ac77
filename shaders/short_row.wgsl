// Strategy: a thread serves a whole row of one to four quads, which it reads once. There is no loop: an adapter that runs both sides
// of a branch also runs a loop's body before it knows whether it is entered, and once more to see that it has ended.
// Needs: params.wgsl, quads.wgsl, load_padded; BLOCK_QUADS, begin, absorb_short, close_short of stats_row.wgsl; reduce of the unit;
// skips, finish_row, write_row of the operation; write_within, write_last of elements.wgsl.

fn load_short(row: u32) -> Block {
    var x = Block(load_padded(row, 0u), vec4(0.0), vec4(0.0), vec4(0.0));
    if BLOCK_QUADS > 1u {
        x.b = load_padded(row, 1u);
    }
    if BLOCK_QUADS > 2u {
        x.c = load_padded(row, 2u);
    }
    if BLOCK_QUADS > 3u {
        x.d = load_padded(row, 3u);
    }
    return x;
}

fn last_of(x: Block) -> vec4<f32> {
    if BLOCK_QUADS == 1u {
        return x.a;
    }
    if BLOCK_QUADS == 2u {
        return x.b;
    }
    if BLOCK_QUADS == 3u {
        return x.c;
    }
    return x.d;
}

fn serve(item: u32, lane: u32, lanes: u32) {
    let row = item;
    var own = empty();
    var x: Block;
    if !skips(row) {
        x = load_short(row);
        own = close_short(absorb_short(begin(row), row, x), row, lanes);
    }
    let whole = reduce(own, lane);
    let finish = finish_row(row, whole);
    write_row(row, whole, finish);
    // Only the last quad may be partial.
    if BLOCK_QUADS > 1u {
        write_within(row, 0u, x.a, finish);
    }
    if BLOCK_QUADS > 2u {
        write_within(row, 1u, x.b, finish);
    }
    if BLOCK_QUADS > 3u {
        write_within(row, 2u, x.c, finish);
    }
    write_last(row, BLOCK_QUADS - 1u, last_of(x), finish);
}
