// Statistics of the parts of rows, row by row, part after part. Needs: Stats.

@group(0) @binding(7) var<storage, read_write> partials: array<Stats>;
