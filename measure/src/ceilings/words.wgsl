// The words of a quad themselves.

alias Sum = u32;
alias Quad = vec4<u32>;

fn value(quad: vec4<u32>) -> Quad {
    return quad;
}
