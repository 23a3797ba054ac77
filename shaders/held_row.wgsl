// Strategy: a unit serves a whole row, and keeps the first of it in registers from the reading to the writing. What does not fit is
// read twice, the second time from its end, which was read last. An item is a row.
// Needs: params.wgsl, quads.wgsl; scan_on of scan.wgsl, begin, absorb_block, close, empty, Stats; reduce of the unit; skips,
// finish_row, write_row of the operation; write_block of elements.wgsl, elements_back.wgsl.

// Blocks of a lane that stay: 1 to 4, all within the row. Written out, as registers have no index.
override HELD: u32 = 1u;

fn serve(item: u32, lane: u32, lanes: u32) {
    let row = item;
    let second = lane + 4u * lanes;
    let third = second + 4u * lanes;
    let fourth = third + 4u * lanes;
    let rest = 4u * lanes * HELD;
    var own = empty();
    var p: Block;
    var q: Block;
    var r: Block;
    var s: Block;
    if !skips(row) {
        // All loads first: they are on their way together.
        p = load_block(row, lane, lanes);
        if HELD > 1u {
            q = load_block(row, second, lanes);
        }
        if HELD > 2u {
            r = load_block(row, third, lanes);
        }
        if HELD > 3u {
            s = load_block(row, fourth, lanes);
        }
        var state = absorb_block(begin(row), row, lane, lanes, p);
        if HELD > 1u {
            state = absorb_block(state, row, second, lanes, q);
        }
        if HELD > 2u {
            state = absorb_block(state, row, third, lanes, r);
        }
        if HELD > 3u {
            state = absorb_block(state, row, fourth, lanes, s);
        }
        own = close(scan_on(state, row, rest, params.quads, lane, lanes), row, lanes);
    }
    let whole = reduce(own, lane);
    let finish = finish_row(row, whole);
    if lane == 0u {
        write_row(row, whole, finish);
    }
    write_elements_back(row, rest, params.quads, lane, lanes, finish);
    if HELD > 3u {
        write_block(row, fourth, lanes, s, finish);
    }
    if HELD > 2u {
        write_block(row, third, lanes, r, finish);
    }
    if HELD > 1u {
        write_block(row, second, lanes, q, finish);
    }
    write_block(row, lane, lanes, p, finish);
}
