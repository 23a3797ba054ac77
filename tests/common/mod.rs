//! What the tests of the reference and those of the kernels share.

pub(crate) mod nll;
pub(crate) mod stored;
