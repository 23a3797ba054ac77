// Which classes take part: bit c % 32 of word c / 32, one mask for all rows or one for each. Needs: params.wgsl.

const MASKED: bool = true;

@group(0) @binding(6) var<storage, read> mask: array<u32>;

// A quad never straddles two words.
fn allowed4(row: u32, quad: u32) -> vec4<bool> {
    let bits = mask[params.mask_start + row * params.mask_stride + quad / 8u] >> (4u * (quad % 8u));
    return (vec4(bits) & vec4(1u, 2u, 4u, 8u)) != vec4(0u);
}

fn allowed1(row: u32, column: u32) -> bool {
    return ((mask[params.mask_start + row * params.mask_stride + column / 32u] >> (column % 32u)) & 1u) == 1u;
}
