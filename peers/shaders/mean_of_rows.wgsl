// The mean of the row losses: one workgroup for all rows.

struct Params {
    rows: u32,
}

const WORKGROUP: u32 = 32u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> losses: array<f32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;

var<workgroup> of_threads: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32) {
    var sum = 0.0;
    for (var row = local; row < params.rows; row += WORKGROUP) {
        sum += losses[row];
    }
    of_threads[local] = sum;
    workgroupBarrier();
    if local == 0u {
        var all = 0.0;
        for (var i = 0u; i < WORKGROUP; i += 1u) {
            all += of_threads[i];
        }
        loss[0] = all / f32(params.rows);
    }
}
