// 64 quads a thread, neighbouring threads beside each other, added up so that none can be left out: one word written for 1 KiB read.
// What is added of a quad is the part that this is joined with.

struct Params {
    quads: u32,
    grid_x: u32,
}

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> sums: array<Sum>;
@group(0) @binding(2) var<storage, read> source: array<vec4<u32>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let index = group.y * params.grid_x + group.x;
    let first = index * 64u * WORKGROUP + local;
    let end = min(params.quads, first + 64u * WORKGROUP);
    var sum = Quad();
    var quad = first;
    for (; quad + 3u * WORKGROUP < end; quad += 4u * WORKGROUP) {
        let a = source[quad];
        let b = source[quad + WORKGROUP];
        let c = source[quad + 2u * WORKGROUP];
        let d = source[quad + 3u * WORKGROUP];
        sum += value(a) + value(b) + value(c) + value(d);
    }
    for (; quad < end; quad += WORKGROUP) {
        sum += value(source[quad]);
    }
    sums[index * WORKGROUP + local] = sum.x + sum.y + sum.z + sum.w;
}
