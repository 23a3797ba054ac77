//! Every operation of the library's host level with the options that it is tried with.
//!
//! A kernel has pipelines of its own for each kind of option, so the options come in a few sets that meet all of them.

mod backward;
mod choices;
mod elements;
mod in_place;
mod loss;
mod nll;
mod options;
mod results;
mod signed;
mod softmax;
mod states;

use crate::case::{Case, Input, Operation, Takes, Tried};

const fn logits(name: &'static str, options: &'static str, prepare: fn(&Input) -> Case) -> Operation {
    Operation { name, options, takes: Takes::Logits, tried: Tried::Data, writes: true, prepare }
}

const fn rows(name: &'static str, options: &'static str, prepare: fn(&Input) -> Case) -> Operation {
    Operation { writes: false, ..logits(name, options, prepare) }
}

const fn core(of: Operation) -> Operation {
    Operation { tried: Tried::Throughout, ..of }
}

const fn stored(of: Operation) -> Operation {
    Operation { tried: Tried::Stored, ..of }
}

const fn pairs(name: &'static str, options: &'static str, prepare: fn(&Input) -> Case) -> Operation {
    stored(Operation { takes: Takes::Elements, ..logits(name, options, prepare) })
}

/// All of them.
pub(crate) static OPERATIONS: [Operation; 55] = [
    core(logits("softmax", "", softmax::softmax)),
    logits("softmax", "temperature", softmax::softmax_scaled),
    logits("softmax", "temperature, softcap, mask a row", softmax::softmax_capped),
    logits("softmax", "as f16", softmax::softmax_f16),
    logits("softmax", "as bf16, mask", softmax::softmax_bf16),
    stored(logits("softmax", "in place", in_place::softmax)),
    logits("softmax_backward", "", backward::softmax),
    logits("softmax_backward", "scale a row", backward::softmax_scaled),
    logits("log_softmax", "", softmax::log_softmax),
    logits("log_softmax", "scale a row", softmax::log_softmax_scaled),
    logits("log_softmax", "mask", softmax::log_softmax_masked),
    logits("log_softmax", "as f16", softmax::log_softmax_f16),
    logits("log_softmax_backward", "", backward::log_softmax),
    logits("log_softmax_backward", "scale a row", backward::log_softmax_scaled),
    core(rows("logsumexp", "", softmax::logsumexp)),
    rows("logsumexp", "scale a row", softmax::logsumexp_scaled),
    rows("logsumexp", "temperature, softcap, mask a row", softmax::logsumexp_capped),
    Operation { takes: Takes::Slices, ..rows("logsumexp_over", "", softmax::logsumexp_over) },
    logits("logsumexp_backward", "", backward::logsumexp),
    logits("logsumexp_backward", "scale a row", backward::logsumexp_scaled),
    rows("signed_logsumexp", "", signed::plain),
    rows("signed_logsumexp", "scale a row", signed::scaled),
    logits("signed_logsumexp_backward", "", signed::backward),
    rows("cross_entropy", "", loss::plain),
    rows("cross_entropy", "log-sum-exp", loss::with_logsumexp),
    logits("cross_entropy", "gradient", loss::with_gradient),
    core(logits("cross_entropy", "all results", loss::all_results)),
    logits("cross_entropy", "all results as bf16", loss::as_bf16),
    logits("cross_entropy", "ignored rows, class weights, sum", loss::weighted),
    logits("cross_entropy", "label smoothing, row weights, z-loss", loss::smoothed),
    logits("cross_entropy", "temperature, softcap, mask a row, upstream a row", loss::transformed),
    logits("cross_entropy", "scale a row, mask, faults zeroed, valid rows", loss::zeroed),
    logits("cross_entropy_backward", "", loss::backward),
    logits("cross_entropy_backward", "class weights, label smoothing, mask a row", loss::backward_smoothed),
    core(logits("soft_cross_entropy", "all results", loss::soft)),
    logits("soft_cross_entropy", "all results as f16", loss::soft_as_f16),
    logits("soft_cross_entropy", "class weights, label smoothing, mask a row, sum", loss::soft_weighted),
    logits("soft_cross_entropy", "temperature, softcap, row weights, z-loss", loss::soft_transformed),
    logits("soft_cross_entropy_backward", "", loss::soft_backward),
    logits("cross_entropy_from_states", "two pieces", states::hard),
    logits("soft_cross_entropy_from_states", "two pieces, class weights, label smoothing", states::soft),
    logits("nll_loss", "", nll::plain),
    logits("nll_loss", "ignored rows, class and row weights, sum", nll::weighted),
    rows("top_k_log_probs", "k 5", choices::top_k),
    rows("top_k_log_probs", "k 2, scale a row", choices::top_k_scaled),
    core(rows("sample", "", choices::sample)),
    rows("sample", "temperature, top-k, mask", choices::sample_top_k),
    rows("sample", "top-p", choices::sample_top_p),
    pairs("sigmoid", "with its gradient", elements::sigmoid),
    pairs("binary_cross_entropy_with_logits", "", elements::binary),
    pairs("binary_cross_entropy_with_logits", "element weights, positive weights, mean", elements::binary_weighted),
    pairs("kl_div", "", elements::divergence),
    pairs("kl_div", "logarithms as targets", elements::log_divergence),
    pairs("entropy", "", elements::entropy),
    pairs("distribution_cross_entropy", "", elements::distributions),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_set_of_options_stands_once() {
        for (i, a) in OPERATIONS.iter().enumerate() {
            assert!(OPERATIONS[..i].iter().all(|b| (b.name, b.options) != (a.name, a.options)), "{} {}", a.name, a.options);
        }
    }
}
