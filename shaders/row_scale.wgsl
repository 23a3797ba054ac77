// The factor that reduction and upstream gradient put on a row's gradient. Needs: params.wgsl, summary.wgsl.

@group(0) @binding(4) var<storage, read> upstream: array<f32>;
@group(0) @binding(8) var<storage, read> summary: Summary;

fn row_scale(row: u32) -> f32 {
    var scale = params.scale;
    if params.upstream_start != NONE {
        scale *= upstream[params.upstream_start + row];
    }
    if params.mean == 1u {
        scale /= f32(summary.valid);
    }
    return scale;
}
