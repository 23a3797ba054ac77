// A copy of the logits, the ceiling of what an adapter can move: four quads a thread, neighbouring threads beside each other.

struct CopyParams {
    quads: u32,
    grid_x: u32,
}

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<uniform> params: CopyParams;
@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> copied: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let quad = (group.y * params.grid_x + group.x) * 4u * WORKGROUP + local;
    if quad + 3u * WORKGROUP < params.quads {
        let a = source[quad];
        let b = source[quad + WORKGROUP];
        let c = source[quad + 2u * WORKGROUP];
        let d = source[quad + 3u * WORKGROUP];
        copied[quad] = a;
        copied[quad + WORKGROUP] = b;
        copied[quad + 2u * WORKGROUP] = c;
        copied[quad + 3u * WORKGROUP] = d;
        return;
    }
    for (var i = quad; i < params.quads; i += WORKGROUP) {
        copied[i] = source[i];
    }
}
