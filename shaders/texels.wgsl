// The window's logits in a texture, 16 bytes a texel, as they lie in memory: rows of the texture are TEXELS_ACROSS texels.
// Adapters that compute on the CPU may read textures several times as fast as buffers: see src/texels.rs.

const TEXELS_ACROSS: u32 = 4096u;

@group(0) @binding(11) var texels: texture_2d<u32>;

// The four words of 16 bytes, counted from the start of the texture.
fn texel(i: u32) -> vec4<u32> {
    return textureLoad(texels, vec2(i % TEXELS_ACROSS, i / TEXELS_ACROSS), 0);
}

// Four neighbouring words, the first of which is anywhere.
fn words_at(i: u32) -> vec4<u32> {
    let near = texel(i / 4u);
    let by = i % 4u;
    if by == 0u {
        return near;
    }
    let far = texel(i / 4u + 1u);
    let one = vec4(near.yzw, far.x);
    let two = vec4(near.zw, far.xy);
    let three = vec4(near.w, far.xyz);
    return select(select(three, two, vec4(by == 2u)), one, vec4(by == 1u));
}
