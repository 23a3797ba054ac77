// Four quads a thread of a word that needs no reading.

struct Params {
    quads: u32,
    grid_x: u32,
}

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> written: array<vec4<u32>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let quad = (group.y * params.grid_x + group.x) * 4u * WORKGROUP + local;
    let value = vec4<u32>(params.quads);
    if quad + 3u * WORKGROUP < params.quads {
        written[quad] = value;
        written[quad + WORKGROUP] = value;
        written[quad + 2u * WORKGROUP] = value;
        written[quad + 3u * WORKGROUP] = value;
        return;
    }
    for (var i = quad; i < params.quads; i += WORKGROUP) {
        written[i] = value;
    }
}
