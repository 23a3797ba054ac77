// What a loss knows about all its rows together. One unit writes it, window after window. Needs: params.wgsl.

struct Summary {
    rows: u32,
    valid: u32,         // rows that are not ignored
    bad: u32,           // rows whose target is neither a class nor ignored
    bad_row: u32,       // the first of them, if bad > 0
    bad_target: u32,    // its target
    weights: f32,       // the sum of the targets' class weights is weights - weights_low
    weights_low: f32,
    all_weights: f32,   // times the row weights
    all_weights_low: f32,
    denominator: f32,   // what a mean divides by
    correct: u32,       // valid rows whose argmax is the target
    correct_top_k: u32, // valid rows whose target has a rank below top_k
    nan: u32,           // rows with NaN, and the first of them if there are any; so the next two
    nan_row: u32,
    infinite: u32,      // rows with +inf
    infinite_row: u32,
    masked: u32,        // rows with no class above -inf
    masked_row: u32,
    loss: f32,          // the reduced loss
    loss_sum: f32,      // the sum of the finite row losses so far is loss_sum - loss_low
    loss_low: f32,
    loss_flags: u32,    // see stats_loss.wgsl
    ran: u32,           // 1 once the commands were executed: an unsubmitted summary is no result
    padding: u32,
}

@group(0) @binding(10) var<storage, read_write> summary: Summary;
