// The class index of each row, if the targets are class indices. Needs: params.wgsl, words.wgsl.

const TARGETED: bool = true;

struct Target {
    word: u32,
    ignored: bool,
    named: bool,        // it is a class, or there are no class indices
    column: u32,        // its place among the classes here, NONE if there is none or it is in another piece of the vocabulary
}

// One read of the word: llvmpipe takes as long for it as for the exponentials of a quad.
fn target_of(row: u32) -> Target {
    if params.targets == NONE {
        return Target(NONE, false, true, NONE);
    }
    let word = words[params.targets + row];
    let ignored = params.ignores == 1u && word == params.ignore_index;
    let named = word < params.bound && !ignored;
    return Target(word, ignored, named, select(NONE, word - params.first_class, named));
}

fn target_column(row: u32) -> u32 {
    return target_of(row).column;
}
