// All classes take part.

const MASKED: bool = false;

fn allowed4(row: u32, quad: u32) -> vec4<bool> {
    return vec4(true);
}

fn allowed1(row: u32, column: u32) -> bool {
    return true;
}
