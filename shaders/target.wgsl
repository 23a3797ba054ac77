// The class index of each row, if the targets are class indices. Needs: params.wgsl, words.wgsl.

const TARGETED: bool = true;

fn is_ignored(row: u32) -> bool {
    return params.targets != NONE && params.ignores == 1u && words[params.targets + row] == params.ignore_index;
}

fn names_class(row: u32) -> bool {
    return params.targets == NONE || (words[params.targets + row] < params.bound && !is_ignored(row));
}

// The target's place among the classes here; no such place if it is in another piece of the vocabulary.
fn target_column(row: u32) -> u32 {
    if params.targets == NONE || !names_class(row) {
        return NONE;
    }
    return words[params.targets + row] - params.first_class;
}
