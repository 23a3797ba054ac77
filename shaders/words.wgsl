// What is one word a class or a row, inputs and results, each in its own range of one buffer. Needs: params.wgsl.
// Its first word is the denominator of the mean.

@group(0) @binding(5) var<storage, read_write> words: array<u32>;

fn put_row(start: u32, row: u32, bits: u32) {
    if start != NONE {
        words[start + row] = bits;
    }
}

fn word_of(start: u32, i: u32) -> f32 {
    return bitcast<f32>(words[start + i]);
}

fn denominator() -> f32 {
    return word_of(0u, 0u);
}
