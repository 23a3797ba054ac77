// What a cross-entropy call knows about all its rows together. One unit writes it, window after window.
// Needs: params.wgsl.

struct Summary {
    valid: u32,         // rows that are not ignored
    bad: u32,           // rows whose target is neither a class nor ignored
    bad_row: u32,       // the first of them, if bad > 0
    bad_target: u32,    // its target
    correct: u32,       // valid rows whose argmax is the target
    loss: f32,          // the reduced loss
    loss_sum: f32,      // the sum of row losses so far is loss_sum - loss_low
    loss_low: f32,      // over the finite ones
    loss_magnitude: u32, // the largest |row loss|, as bits: tells of infinities and NaN
    ran: u32,           // 1 once the commands were executed: an unsubmitted summary is no result
    padding_a: u32,
    padding_b: u32,
}
