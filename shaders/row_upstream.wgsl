// The upstream gradient of each row's value. Needs: params.wgsl.

@group(0) @binding(4) var<storage, read> upstream: array<f32>;

fn upstream_of(row: u32) -> f32 {
    return upstream[params.upstream_start + row];
}
