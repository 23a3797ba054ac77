// The summary, written. Needs: summary.wgsl.

@group(0) @binding(8) var<storage, read_write> summary: Summary;
