#![no_main]

#[path = "../src/draw.rs"]
mod draw;
#[path = "../src/views.rs"]
mod views;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| views::run(bytes));
