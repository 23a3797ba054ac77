#![no_main]

#[path = "../../xent/src/arrays/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the command uses more of them")]
mod arrays;
#[path = "../src/draw.rs"]
#[expect(dead_code, reason = "the other targets draw numbers")]
mod draw;
#[path = "../src/arrays.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::run(bytes));
