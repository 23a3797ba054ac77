// Softmax as the WebGPU backends of ONNX Runtime web and tfjs do it, in outline: a workgroup a row, whose threads stride over it;
// the row is read three times, for the maximum, the sum and the result; threads combine by a tree in shared memory.
// Joined with block_vec4.wgsl or block_scalar.wgsl.

struct Params {
    rows: u32,
    classes: u32,
    grid_x: u32,
}

override WORKGROUP: u32 = 64u;
override LOG: bool = false;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<Block>;
@group(0) @binding(2) var<storage, read_write> result: array<Block>;

var<workgroup> of_threads: array<Block, WORKGROUP>;
var<workgroup> row_largest: f32;
var<workgroup> row_sum: f32;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * params.grid_x + group.x;
    if row >= params.rows {
        return;
    }
    let blocks = params.classes / BLOCK;
    let first = row * blocks;

    var largest = Block(-3.402823e+38);
    for (var i = local; i < blocks; i += WORKGROUP) {
        largest = max(largest, logits[first + i]);
    }
    of_threads[local] = largest;
    workgroupBarrier();
    for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
        if local < half {
            of_threads[local] = max(of_threads[local], of_threads[local + half]);
        }
        workgroupBarrier();
    }
    if local == 0u {
        row_largest = largest_of(of_threads[0]);
    }
    workgroupBarrier();

    var sum = Block(0.0);
    for (var i = local; i < blocks; i += WORKGROUP) {
        sum += exp(logits[first + i] - row_largest);
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
        row_sum = sum_of(of_threads[0]);
    }
    workgroupBarrier();

    for (var i = local; i < blocks; i += WORKGROUP) {
        let shifted = logits[first + i] - row_largest;
        if LOG {
            result[first + i] = shifted - log(row_sum);
        } else {
            result[first + i] = exp(shifted) / row_sum;
        }
    }
}
