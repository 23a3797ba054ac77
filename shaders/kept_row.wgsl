// Strategy: a thread serves a whole row of two to eight blocks, which it reads once and keeps until it writes. There is no loop, as in
// short_row.wgsl, and so the blocks are written out; all but the last are whole. No row is skipped, as there.
// Needs: params.wgsl, quads.wgsl, last_block.wgsl; begin, absorb_block, absorb_last, close of stats_row.wgsl; reduce of the unit;
// finish_row, write_row of the operation; write_within of elements.wgsl.

override BLOCKS: u32 = 2u;

fn write_kept(row: u32, quad: u32, x: Block, finish: Finish) {
    write_within(row, quad, x.a, finish);
    write_within(row, quad + 1u, x.b, finish);
    write_within(row, quad + 2u, x.c, finish);
    write_within(row, quad + 3u, x.d, finish);
}

fn serve(item: u32, lane: u32, lanes: u32) {
    let row = item;
    let last = 4u * (BLOCKS - 1u);
    var b: Block;
    var c: Block;
    var d: Block;
    var e: Block;
    var f: Block;
    var g: Block;
    let a = load_block(row, 0u, 1u);
    var state = absorb_block(begin(row), row, 0u, 1u, a);
    if BLOCKS > 2u {
        b = load_block(row, 4u, 1u);
        state = absorb_block(state, row, 4u, 1u, b);
    }
    if BLOCKS > 3u {
        c = load_block(row, 8u, 1u);
        state = absorb_block(state, row, 8u, 1u, c);
    }
    if BLOCKS > 4u {
        d = load_block(row, 12u, 1u);
        state = absorb_block(state, row, 12u, 1u, d);
    }
    if BLOCKS > 5u {
        e = load_block(row, 16u, 1u);
        state = absorb_block(state, row, 16u, 1u, e);
    }
    if BLOCKS > 6u {
        f = load_block(row, 20u, 1u);
        state = absorb_block(state, row, 20u, 1u, f);
    }
    if BLOCKS > 7u {
        g = load_block(row, 24u, 1u);
        state = absorb_block(state, row, 24u, 1u, g);
    }
    let rest = load_last(row, last);
    let own = close(absorb_last(state, row, last, rest), row, lanes);
    let whole = reduce(own, lane);
    let finish = finish_row(row, whole);
    write_row(row, whole, finish);
    write_kept(row, 0u, a, finish);
    if BLOCKS > 2u {
        write_kept(row, 4u, b, finish);
    }
    if BLOCKS > 3u {
        write_kept(row, 8u, c, finish);
    }
    if BLOCKS > 4u {
        write_kept(row, 12u, d, finish);
    }
    if BLOCKS > 5u {
        write_kept(row, 16u, e, finish);
    }
    if BLOCKS > 6u {
        write_kept(row, 20u, f, finish);
    }
    if BLOCKS > 7u {
        write_kept(row, 24u, g, finish);
    }
    write_last_block(row, last, rest, finish);
}
