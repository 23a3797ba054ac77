//! Every operation and every gradient again, on the CPU in `f64`: what the kernels are tested against.
//!
//! Written for clarity, straight from the formulas: each row is read into memory, its logits transformed, their maximum
//! found, then everything summed around that maximum. Nothing here is shared with the kernels. Matrices come back dense, in the
//! shape of the logits whatever the stride: element `c` of row `i` of block `n` is `n * classes * inner + c * inner + i`, which
//! without dimensions behind the classes is `r * classes + c`. Losses and log-sum-exps are in nats.
//!
//! Where a textbook formula cancels, the other one is used, so that the results keep their *relative* accuracy when one
//! class dominates: sums leave out the term that is 1, and `p - 1` of the true class is the negated sum of the others.
//!
//! # Special rows
//!
//! `z` are the transformed logits ([`LogitTransform`](crate::LogitTransform)) of the classes that take part. What the others hold
//! does not matter.
//!
//! | the row holds | softmax, log-softmax | logsumexp | its gradient | loss and its gradient | argmax |
//! |---|---|---|---|---|---|
//! | some `z` of -inf | 0, -inf there | finite | 0 there | see below | as usual |
//! | no `z` above -inf | NaN | -inf | NaN | NaN | the first class |
//! | +inf, no NaN | NaN | +inf | NaN at +inf, `0 * upstream` elsewhere | NaN | the first +inf |
//! | NaN | NaN | NaN | NaN | NaN | [`NO_CLASS`](crate::NO_CLASS) |
//!
//! "NaN" stands for the whole row, and stays NaN when the upstream factor is 0; [`FaultPolicy`](crate::FaultPolicy) says
//! otherwise for losses. The gradient of a class that does not take part is exactly 0 even there. A row in which no class takes
//! part has no argmax either.
//!
//! A `z` of -inf beside finite ones has probability 0 and gradient 0; if the loss gives it a coefficient (it is the target, or
//! smoothed), the loss is infinite and the gradient is still finite, -1 for the target. A term whose coefficient is exactly 0
//! contributes exactly 0 to the loss whatever it stands against. An ignored row, and one of weight 0, has loss 0 and gradient
//! exactly 0 whatever it holds and whatever the upstream factor; its logsumexp and argmax are those of any other row. An infinite
//! or NaN upstream factor follows plain arithmetic (`0 * inf` is NaN) in every row that has a coefficient.
//!
//! ```
//! use wgpu_xent::{CrossEntropy, Logits, Targets, reference};
//! let logits = [20.0_f32, 0.0, 0.0, 0.0];
//! let out = reference::cross_entropy(&Logits::new(&logits, 2, 2)?, &Targets::new(&[0, 1]), &CrossEntropy::new().row_loss(true))?;
//! assert_eq!(out.row_loss.unwrap(), [(-20_f64).exp().ln_1p(), 2_f64.ln()]);
//! # Ok::<(), wgpu_xent::Error>(())
//! ```

mod binary;
mod divergence;
mod elements;
mod logsumexp;
mod loss;
mod nll;
mod reduce;
mod row;
mod sample;
mod shape;
mod signed;
mod softmax;
mod terms;
mod top_k;

pub use binary::{binary_cross_entropy_with_logits, sigmoid, sigmoid_backward};
pub use divergence::{distribution_cross_entropy, entropy, kl_div};
pub use logsumexp::{logsumexp, logsumexp_backward, logsumexp_backward_with, logsumexp_over, logsumexp_with};
pub use loss::{cross_entropy, soft_cross_entropy};
pub use nll::nll_loss;
pub use sample::sample;
pub use signed::{signed_logsumexp, signed_logsumexp_backward};
pub use softmax::{
    log_softmax, log_softmax_backward, log_softmax_backward_with, log_softmax_with, softmax, softmax_backward, softmax_backward_with,
    softmax_with,
};
pub use top_k::top_k_log_probs;
