// What every kernel is told, and the words that all parts share.
//
// A kernel serves one window of rows. Its work is cut into items (rows, or chunks of rows); a unit (a thread, a
// subgroup or a workgroup) serves an item. All starts and strides count elements of the bound range.

struct Params {
    items: u32,             // items in this dispatch
    grid_x: u32,            // workgroups along x: the grid is folded above the adapter's limit
    rows: u32,              // rows of the window
    classes: u32,           // classes of a row (C)
    quads: u32,             // ceil(C / 4)
    chunks: u32,            // chunks that a row's elements are written in; 1 unless the row is split
    chunk_quads: u32,       // quads of a chunk, the last one may be shorter
    inner: u32,             // rows of a block: neighbours in memory, their classes `inner` elements apart; 1 for a matrix
    ones: u32,              // 0xffffffff, which no compiler may know: see opaque() in numerics.wgsl
    logits_start: u32,
    logits_stride: u32,     // from one block to the next, like the other strides
    second_start: u32,
    second_stride: u32,
    third_start: u32,
    third_stride: u32,
    result_start: u32,
    result_stride: u32,
    target_result_start: u32,
    target_result_stride: u32,
    mask_start: u32,
    mask_stride: u32,       // words from one row to the next; 0 if all rows share one mask
    class_weights: u32,     // starts in `words`, like the following; NONE: not there
    pos_weights: u32,
    targets: u32,
    row_weights: u32,
    row_scales: u32,
    upstream: u32,
    saved: u32,             // one value a row that a forward pass saved
    saved_sign: u32,        // and its sign
    loss: u32,              // results; NONE: not wanted
    lse: u32,
    log_prob: u32,
    argmax: u32,
    rank: u32,
    entropy: u32,
    z_loss_part: u32,
    status: u32,
    sign: u32,
    peak: u32,              // what one pass leaves for the next: the largest logit,
    log_sum: u32,           // log sum exp(z - max z),
    threshold: u32,         // a key, see keys.wgsl,
    needed_low: u32,        // and a whole number of 64 bits
    needed_high: u32,
    row_base: u32,          // the window's first row within the call
    first_class: u32,       // the first of the classes here, if the vocabulary is in pieces
    bound: u32,             // the classes that targets may name
    ignore_index: u32,      // the bits of ignore_index, if ignores is 1
    ignores: u32,
    mean: u32,              // 1: divide by the denominator
    denominator: u32,       // what that is: see check_targets.wgsl
    given: f32,             // the denominator, if it is given
    empty_zero: u32,        // 1: a mean over nothing is 0, not NaN
    zero_faults: u32,       // 1: rows that cannot have a loss have 0, not NaN
    top_k: u32,             // a rank below this counts; so many classes are kept or listed
    factor: f32,            // the scalar upstream gradient
    scale: f32,             // of all logits, if there is none for each row
    softcap: f32,
    smoothing: f32,
    z_loss: f32,
    seed_low: u32,
    seed_high: u32,
    draw: u32,
    first_row_low: u32,     // the number of the call's first row in the random counter
    first_row_high: u32,
    top_p: u32,             // the share that is kept, times 2^31
    step: u32,              // between two keys of a search
    listed: u32,            // classes that earlier passes have listed
}

@group(0) @binding(0) var<uniform> params: Params;

const NONE: u32 = 0xffffffffu;

fn all_ones() -> u32 {
    return params.ones;
}
