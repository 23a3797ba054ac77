//! How times are taken and written down: the same for our kernels, the ceilings of an adapter and the peers.
//!
//! A [`Case`] is a shape and a storage type on an adapter: it holds the buffers, checks what the operations write against the
//! reference, and measures them beside the ceilings. What comes out is a [`Record`] each.

mod adapter;
mod cache;
mod case;
mod ceilings;
mod clock;
mod data;
mod device;
mod environment;
mod expected;
mod host_path;
mod kernel;
mod operation;
mod record;
mod samples;
mod save;
mod set;
mod shape;
mod values;

pub use adapter::{choices, opened, with_timestamps};
pub use case::{Case, Problem};
pub use clock::{Clock, Time};
pub use data::Random;
pub use device::{buffer, encoder, filled, read, run};
pub use environment::Environment;
pub use host_path::HostPath;
pub use kernel::{Kernel, grid};
pub use operation::{OPERATIONS, Operation};
pub use record::{CEILING, Record};
pub use samples::{Limits, Samples, Times, interleaved, interleaved_times};
pub use save::{Report, save};
pub use shape::{QUICK_SHAPES, SHAPES, Shape};
pub use values::storage_named;
