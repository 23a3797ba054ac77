// Statistics of the parts of rows, all rows' first parts before their second; of whole rows, if they are given. Needs: Stats.

@group(0) @binding(7) var<storage, read_write> partials: array<Stats>;
