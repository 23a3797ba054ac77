// A loss as one writes it first for an adapter whose threads serve rows: the row is read once for its maximum and its sum, sixteen logits
// at a time, which are moved to another maximum once, and once more for the gradient. Built-in exp and log, plain sums; a NaN, an infinity or
// a wrong target is not found, no option is heard, nothing is counted.
// Joined with quad_vec4.wgsl or quad_scalar.wgsl.

struct Params {
    rows: u32,
    grid_x: u32,
}

override WORKGROUP: u32 = 32u;
override GRADIENT: bool = false;
override CLASSES: u32 = 4u;
override QUADS: u32 = 1u;       // of a row, the last one perhaps partial

const LOWEST: f32 = -3.402823e+38;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<Stored>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;
@group(0) @binding(4) var<storage, read_write> gradient: array<Stored>;

struct Sum {
    largest: f32,
    of_exps: f32,   // of exp(z - largest)
}

fn largest_of(z: vec4<f32>) -> f32 {
    return max(max(z.x, z.y), max(z.z, z.w));
}

fn quad(row: u32, i: u32) -> vec4<f32> {
    if i >= QUADS {
        return vec4(LOWEST);
    }
    return load(row, i);
}

fn absorb(sum: Sum, row: u32, i: u32) -> Sum {
    let a = quad(row, i);
    let b = quad(row, i + 1u);
    let c = quad(row, i + 2u);
    let d = quad(row, i + 3u);
    let largest = max(sum.largest, largest_of(max(max(a, b), max(c, d))));
    let m = vec4(largest);
    let exps = (exp(a - m) + exp(b - m)) + (exp(c - m) + exp(d - m));
    return Sum(largest, sum.of_exps * exp(sum.largest - largest) + dot(exps, vec4(1.0)));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = (group.y * params.grid_x + group.x) * WORKGROUP + local;
    if row >= params.rows {
        return;
    }
    var sum = absorb(Sum(LOWEST, 0.0), row, 0u);
    if QUADS > 4u {
        for (var i = 4u; i < QUADS; i += 4u) {
            sum = absorb(sum, row, i);
        }
    }
    let target_class = targets[row];
    let log_sum_exp = sum.largest + log(sum.of_exps);
    losses[row] = log_sum_exp - load_one(row, target_class);
    if GRADIENT {
        let scale = 1.0 / f32(params.rows);
        for (var i = 0u; i < QUADS; i += 1u) {
            let classes = vec4(4u * i) + vec4(0u, 1u, 2u, 3u);
            let hot = select(vec4(0.0), vec4(1.0), classes == vec4(target_class));
            store(row, i, (exp(load(row, i) - log_sum_exp) - hot) * scale);
        }
    }
}
