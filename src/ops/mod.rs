//! The operations at host level, one file for each family.

mod cross_entropy;
pub(crate) mod elementwise;
mod nll;
pub(crate) mod sampling;
pub(crate) mod settings;
mod signed;
mod softmax;
pub(crate) mod top_k;
