#![no_main]

#[path = "../src/draw.rs"]
#[expect(dead_code, reason = "the other targets draw more")]
mod draw;
#[path = "../src/tuning.rs"]
mod tuning;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tuning::run(bytes));
