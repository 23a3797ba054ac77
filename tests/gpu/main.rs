//! Tests that need adapters, in one binary: they share the compiled pipelines.

mod accuracy;
mod common;
mod device;
mod edges;
mod errors;
mod harness;
mod options;
mod sizes;
mod torch;
