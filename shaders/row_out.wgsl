// Results that are one word a row, each in its own range of one buffer. Needs: params.wgsl.

@group(0) @binding(6) var<storage, read_write> row_out: array<u32>;

fn put_row(start: u32, row: u32, bits: u32) {
    if start != NONE {
        row_out[start + row] = bits;
    }
}
