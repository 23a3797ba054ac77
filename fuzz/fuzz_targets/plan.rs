#![no_main]

#[path = "../../tests/plan/main.rs"]
#[expect(dead_code, unused_imports, reason = "the tests of known adapters are there too")]
mod plan;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| plan::fuzzed::run(bytes));
