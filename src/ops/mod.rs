//! The operations at host level, one file for each family.

mod cross_entropy;
pub(crate) mod settings;
mod softmax;
