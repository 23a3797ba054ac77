//! The conformance kit of wgpu-xent: every operation of the library on an adapter against its f64 reference.
//!
//! [`verify`] tries every operation with its options, every strategy that the adapter can serve, every storage type, data that is
//! chosen to hurt, and sizes around every edge of a plan. Each result is a [`Record`]: the largest error in units of the last digit,
//! relative, and as a share of the documented bound, with the row and class where it is. A [`Report`] tells what all failures have
//! in common, and what would avoid it.
//!
//! ```no_run
//! use wgpu_xent::Gpu;
//! use wgpu_xent_verify::{Options, verify};
//! let gpu = Gpu::new()?;
//! let report = verify(&gpu, &Options { quick: true, ..Options::default() }, |_| ());
//! for failure in report.failures() {
//!     println!("{} {}: {:?}", failure.operation, failure.options, failure.outcome);
//! }
//! assert!(report.passed());
//! # Ok::<(), wgpu_xent::Error>(())
//! ```
//!
//! # Where things are
//!
//! | file | what it knows |
//! |---|---|
//! | `data.rs`, `matrix.rs`, `elements.rs` | inputs: values that hurt, in every shape and storage type |
//! | `bounds.rs`, `loss/` | what results may be off by: the documented bounds, and those of a loss from its coefficients |
//! | `compare.rs` | how far a result is from what it should be |
//! | `ops/` | the table of operations and options: what a call must give, and how to call it |
//! | `edges.rs`, `suite.rs` | which operation is tried on what, with which strategies |
//! | `run.rs` | runs cases and judges them |
//! | `report.rs`, `common.rs` | what came out, and what failures have in common |
//!
//! The library's own tests take their data and bounds from here.

mod bounds;
mod case;
mod common;
mod compare;
pub mod data;
mod edges;
mod elements;
mod loss;
mod matrix;
mod ops;
mod report;
mod results;
mod run;
mod suite;
#[cfg(test)]
mod tests;

pub use bounds::{DOCUMENTED, Each, OF_DISTANCE, ROUNDED, ROUNDING, TIGHT, of_element, of_terms};
pub use common::Common;
pub use compare::{Bound, TINY, Worst, compare, worst};
pub use elements::{ElementCase, ElementInputs, ElementOp, ElementResult, element_results, unreduced};
pub use loss::{Goal, LossBounds, LossCall, Mask, Scale};
pub use matrix::{Matrix, Shape};
pub use report::{Line, Outcome, Record, Report};
pub use results::{Bounds, assert_results, close, compare_numbers, compare_results};
pub use run::{Options, Progress, verify};
