// The log-sum-exp of each row that a forward pass saved. Needs: params.wgsl.

@group(0) @binding(9) var<storage, read> saved_lse: array<f32>;
