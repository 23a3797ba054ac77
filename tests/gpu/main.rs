//! Tests that need adapters, in one binary: they share the compiled pipelines.

mod accuracy;
mod bad_input;
mod blocks;
mod cancelling;
mod common;
mod correct;
mod denominators;
mod determinism;
mod device;
mod device_memory;
mod device_options;
mod edges;
mod elementwise;
mod errors;
mod faults;
mod harness;
mod host_path;
mod options;
mod pieces;
mod random;
mod sampling;
#[path = "../common/mod.rs"]
mod shared;
mod signed;
mod sizes;
mod state_wgsl;
mod storage;
mod tile;
mod top_k;
mod torch;
mod tune;
mod wide_words;
mod world;
