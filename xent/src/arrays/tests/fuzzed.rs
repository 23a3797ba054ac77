//! The files that the fuzzer found worth keeping: `fuzz/src/arrays.rs` says what is held of each.

#[path = "../../../../fuzz/src/draw.rs"]
#[expect(dead_code, reason = "other targets draw numbers")]
mod draw;
#[path = "../../../../fuzz/src/replay.rs"]
mod replay;
#[path = "../../../../fuzz/src/arrays.rs"]
mod target;

#[test]
fn files_are_read_in_every_way() {
    replay::replay("arrays", target::run);
}
