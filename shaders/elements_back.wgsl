// Writes the elements of a span of a row from its last to its first: what was read last is still near. On llvmpipe that takes nearly
// twice the time of elements.wgsl, so it is for the strategy alone that reads a long rest again.
// Needs: params.wgsl, quads.wgsl; write_quad, write_block of elements.wgsl.

// Quads first + lane, first + lane + lanes, .. below `end`.
fn write_elements_back(row: u32, first: u32, end: u32, lane: u32, lanes: u32, finish: Finish) {
    let full = min(end, params.classes / 4u);
    let start = first + lane;
    var left = 0u;
    if start < end {
        left = (end - start - 1u) / lanes + 1u;
    }
    for (; left % 4u != 0u || (left > 0u && start + (left - 1u) * lanes >= full); left -= 1u) {
        write_quad(row, start + (left - 1u) * lanes, finish);
    }
    for (; left > 0u; left -= 4u) {
        let quad = start + (left - 4u) * lanes;
        write_block(row, quad, lanes, load_block(row, quad, lanes), finish);
    }
}
