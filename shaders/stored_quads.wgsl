// Quads as they are stored: read and written in words of 32 bits. stored_quads_64.wgsl has the same of 64.

alias Quad = vec4<u32>;     // of f32
alias HalfQuad = vec2<u32>; // of f16 or bf16

fn unpack_quad(stored: Quad) -> vec4<u32> {
    return stored;
}

fn pack_quad(words: vec4<u32>) -> Quad {
    return words;
}

fn unpack_half(stored: HalfQuad) -> vec2<u32> {
    return stored;
}

fn pack_half(words: vec2<u32>) -> HalfQuad {
    return words;
}
