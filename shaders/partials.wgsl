// The statistics of the chunks of split rows, chunk after chunk, row after row. Needs: Stats.

@group(0) @binding(7) var<storage, read_write> partials: array<Stats>;
