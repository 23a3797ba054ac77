// The mean of what the targets' log-probabilities lack to 0: one workgroup for all rows.

struct Params {
    rows: u32,
    classes: u32,
    grid_x: u32,
}

const WORKGROUP: u32 = 256u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> log_probabilities: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;

var<workgroup> of_threads: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32) {
    var sum = 0.0;
    for (var row = local; row < params.rows; row += WORKGROUP) {
        sum -= log_probabilities[row * params.classes + targets[row]];
    }
    of_threads[local] = sum;
    workgroupBarrier();
    for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
        if local < half {
            of_threads[local] += of_threads[local + half];
        }
        workgroupBarrier();
    }
    if local == 0u {
        loss[0] = of_threads[0] / f32(params.rows);
    }
}
