// Quads as they are stored: read and written in words of 64 bits, for adapters that go through memory word by word, of whatever size.

alias Quad = vec2<u64>;
alias HalfQuad = u64;

fn unpack_quad(stored: Quad) -> vec4<u32> {
    return vec4(unpack_half(stored.x), unpack_half(stored.y));
}

fn pack_quad(words: vec4<u32>) -> Quad {
    return vec2(pack_half(words.xy), pack_half(words.zw));
}

fn unpack_half(stored: HalfQuad) -> vec2<u32> {
    return vec2(u32(stored), u32(stored >> 32u));
}

fn pack_half(words: vec2<u32>) -> HalfQuad {
    return u64(words.x) | (u64(words.y) << 32u);
}
