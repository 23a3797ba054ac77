// What every kernel is told, and the two words that all parts share.
//
// A kernel serves one window of rows. Its work is cut into items (rows, or chunks of rows); a unit (a thread, a
// subgroup or a workgroup) serves an item. All starts and strides count elements of the bound range.

struct Params {
    items: u32,             // items in this dispatch
    grid_x: u32,            // workgroups along x: the grid is folded above the adapter's limit
    classes: u32,           // classes of a row (C)
    quads: u32,             // ceil(C / 4)
    chunks: u32,            // chunks of a row; 1 unless the row is split
    chunk_quads: u32,       // quads of a chunk, the last one may be shorter
    ones: u32,              // 0xffffffff, which no compiler may know: see opaque() in numerics.wgsl
    logits_start: u32,
    logits_stride: u32,
    second_start: u32,
    second_stride: u32,
    result_start: u32,
    result_stride: u32,
    targets_start: u32,
    upstream_start: u32,    // NONE: no factor for each row
    saved_lse_start: u32,
    saved_loss_start: u32,  // NONE: not saved
    loss_start: u32,        // NONE: not wanted, like the next two
    lse_start: u32,
    argmax_start: u32,
    row_base: u32,          // the window's first row within the call
    ignore_index: u32,      // the bits of ignore_index, if ignores is 1
    ignores: u32,
    mean: u32,              // 1: scale by 1 / valid rows
    scale: f32,             // the scalar upstream gradient
    bound: u32,             // the classes that targets may name
    padding_a: u32,
    padding_b: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

const NONE: u32 = 0xffffffffu;
