// The functions of numerics.wgsl beside the built-in ones: their values, and what they cost in a sum of exponentials.
// Needs: numerics.wgsl.

struct Params {
    items: u32,
    grid_x: u32,
    quads: u32,
    step: u32,      // quads between two of a row
    stride: u32,    // quads between two rows
    ones: u32,      // 0xffffffff
    maximum: f32,
}

@group(0) @binding(0) var<uniform> params: Params;

fn all_ones() -> u32 {
    return params.ones;
}

override WORKGROUP: u32 = 64u;
override FUNCTION: u32 = 0u;

@group(0) @binding(1) var<storage, read> arguments: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> values: array<vec4<f32>>;

fn log1p_of_each(x: vec4<f32>) -> vec4<f32> {
    return vec4(log1p(x.x), log1p(x.y), log1p(x.z), log1p(x.w));
}

fn log_from_one_of_each(x: vec4<f32>) -> vec4<f32> {
    return vec4(log_from_one(x.x), log_from_one(x.y), log_from_one(x.z), log_from_one(x.w));
}

// In the order of FUNCTIONS in numerics.rs.
fn apply(x: vec4<f32>) -> vec4<f32> {
    switch FUNCTION {
        case 0u: { return exp(x); }
        case 1u: { return exp4(x); }
        case 2u: { return log(1.0 + x); }
        case 3u: { return log1p_of_each(x); }
        case 4u: { return log(x); }
        case 5u: { return log_from_one_of_each(x); }
        case 6u: { return exp(x) - 1.0; }
        default: { return expm1_4(x); }
    }
}

fn sum_of_row(row: u32) -> f32 {
    let m = vec4(params.maximum);
    let step = params.step;
    var quad = row * params.stride;
    var sum = 0.0;
    for (var i = 0u; i < params.quads; i += 4u) {
        let a = arguments[quad] - m;
        let b = arguments[quad + step] - m;
        let c = arguments[quad + 2u * step] - m;
        let d = arguments[quad + 3u * step] - m;
        sum += total((apply(a) + apply(b)) + (apply(c) + apply(d)));
        quad += 4u * step;
    }
    return sum;
}

override SUMS: bool = false;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let item = (group.y * params.grid_x + group.x) * WORKGROUP + local;
    if item < params.items {
        if SUMS {
            values[item] = vec4(sum_of_row(item));
        } else {
            values[item] = apply(arguments[item]);
        }
    }
}
