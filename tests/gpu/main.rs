//! Tests that need adapters, in one binary: they share the compiled pipelines.

mod accuracy;
mod common;
