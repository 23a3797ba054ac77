// The last block of a row, of LAST_QUADS quads, only the last of which may be partial.
// Needs: quads.wgsl, load_padded; LAST_QUADS of stats_row.wgsl; write_within, write_last of elements.wgsl.

fn load_last(row: u32, quad: u32) -> Block {
    var x = Block(load_padded(row, quad), vec4(0.0), vec4(0.0), vec4(0.0));
    if LAST_QUADS > 1u {
        x.b = load_padded(row, quad + 1u);
    }
    if LAST_QUADS > 2u {
        x.c = load_padded(row, quad + 2u);
    }
    if LAST_QUADS > 3u {
        x.d = load_padded(row, quad + 3u);
    }
    return x;
}

fn last_of(x: Block) -> vec4<f32> {
    if LAST_QUADS == 1u {
        return x.a;
    }
    if LAST_QUADS == 2u {
        return x.b;
    }
    if LAST_QUADS == 3u {
        return x.c;
    }
    return x.d;
}

fn write_last_block(row: u32, quad: u32, x: Block, finish: Finish) {
    if LAST_QUADS > 1u {
        write_within(row, quad, x.a, finish);
    }
    if LAST_QUADS > 2u {
        write_within(row, quad + 1u, x.b, finish);
    }
    if LAST_QUADS > 3u {
        write_within(row, quad + 2u, x.c, finish);
    }
    write_last(row, quad + LAST_QUADS - 1u, last_of(x), finish);
}
