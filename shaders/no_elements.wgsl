// For operations whose results are one value a row.

fn write_elements(row: u32, first: u32, end: u32, lane: u32, lanes: u32, finish: Finish) {}

fn write_within(row: u32, quad: u32, x: vec4<f32>, finish: Finish) {}

fn write_last(row: u32, quad: u32, x: vec4<f32>, finish: Finish) {}
