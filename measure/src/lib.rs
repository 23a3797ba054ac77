//! How times are taken and written down: the same for our kernels, the ceilings of an adapter and the peers.

mod record;
mod samples;

pub use record::Record;
pub use samples::{Limits, Samples, interleaved};
