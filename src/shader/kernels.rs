//! The kernels: which parts make which operation.

use std::sync::OnceLock;

use super::features::{Choice, Features};
use super::parts::*;

/// An operation's own parts: what it keeps of a row and what it makes of it.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) name: &'static str,
    pub(super) parts: &'static [&'static Part],
    pub(super) choices: &'static [Choice],
    pub(super) subgroup: Option<&'static Part>,
    pub(super) reads_logits: bool,
    /// Whether there is a second matrix whatever the options.
    pub(crate) reads_second: bool,
    /// The value of the override LOG, if it has one.
    pub(super) log: Option<bool>,
    /// Whether it has results of the logits' shape and of rows: found in its parts when it is first asked.
    pub(super) writes: OnceLock<[bool; 2]>,
}

impl Kernel {
    /// Whether it reads all logits of a row, not one of them.
    pub(crate) fn reads_all(&self) -> bool {
        self.reads_logits && !self.parts.iter().any(|part| part.file == STATS_OWN.file)
    }

    /// Whether what it needs of a row's logits can be kept from the reading to the writing: whether both go through all of them.
    pub(crate) fn can_hold(&self) -> bool {
        self.parts.iter().any(|part| part.file == STATS_ROW.file)
    }

    /// Whether one of its parts has an override.
    pub(crate) fn overrides(&self, name: &str) -> bool {
        self.parts.iter().any(|part| part.overrides.contains(&name))
    }

    /// What of a call's features changes a kernel of vectors.
    pub(crate) fn features_of_vectors(&self, call: &Features) -> Features {
        Features {
            weighted: call.weighted && self.choices.contains(&Choice::ClassWeights),
            details: call.details && self.overrides("DETAILS"),
            ..Features::default()
        }
    }

    /// Whether there is a variant with subgroup operations.
    pub(crate) fn has_subgroups(&self) -> bool {
        self.subgroup.is_some()
    }

    const fn new(name: &'static str, parts: &'static [&'static Part], choices: &'static [Choice], subgroup: Option<&'static Part>) -> Self {
        Self { name, parts, choices, subgroup, reads_logits: true, reads_second: false, log: None, writes: OnceLock::new() }
    }

    const fn log(mut self, log: bool) -> Self {
        self.log = Some(log);
        self
    }

    const fn second(mut self) -> Self {
        self.reads_second = true;
        self
    }

    const fn vector(mut self) -> Self {
        self.reads_logits = false;
        self
    }
}

static SOFTMAX_PARTS: &[&Part] = &[&NUMERICS, &SCAN, &ROW_STATE, &STATS_ROW, &NO_CLASS_WEIGHTS, &NO_LABELS, &NO_TARGET, &SOFTMAX];
static SOFTMAX_BACKWARD_PARTS: &[&Part] = &[&NUMERICS, &SCAN, &STATS_DOT, &SOFTMAX_BACKWARD];
static LOGIT_CHOICES: &[Choice] = &[Choice::Transform, Choice::Mask];

pub(crate) static SOFTMAX_KERNEL: Kernel = Kernel::new("softmax", SOFTMAX_PARTS, LOGIT_CHOICES, Some(&ROW_STATE_SUBGROUP)).log(false);
pub(crate) static LOG_SOFTMAX_KERNEL: Kernel =
    Kernel::new("log_softmax", SOFTMAX_PARTS, LOGIT_CHOICES, Some(&ROW_STATE_SUBGROUP)).log(true);
pub(crate) static LOGSUMEXP_KERNEL: Kernel = Kernel::new(
    "logsumexp",
    &[&NUMERICS, &SCAN, &ROW_STATE, &STATS_ROW, &NO_CLASS_WEIGHTS, &NO_LABELS, &NO_TARGET, &WORDS, &LOGSUMEXP],
    LOGIT_CHOICES,
    Some(&ROW_STATE_SUBGROUP),
);
pub(crate) static CROSS_ENTROPY_KERNEL: Kernel = Kernel::new(
    "cross_entropy",
    &[&NUMERICS, &SCAN, &ROW_STATE, &STATS_ROW, &WORDS, &TARGET, &ROW_FACTOR, &CROSS_ENTROPY],
    &[Choice::Transform, Choice::Mask, Choice::ClassWeights, Choice::Labels, Choice::States, Choice::TargetGradient],
    Some(&ROW_STATE_SUBGROUP),
);
pub(crate) static LOGSUMEXP_BACKWARD_KERNEL: Kernel =
    Kernel::new("logsumexp_backward", &[&NUMERICS, &STATS_NONE, &WORDS, &LOGSUMEXP_BACKWARD], LOGIT_CHOICES, Some(&STATS_NONE_SUBGROUP));
pub(crate) static SOFTMAX_BACKWARD_KERNEL: Kernel =
    Kernel::new("softmax_backward", SOFTMAX_BACKWARD_PARTS, LOGIT_CHOICES, Some(&STATS_DOT_SUBGROUP)).second().log(false);
pub(crate) static LOG_SOFTMAX_BACKWARD_KERNEL: Kernel =
    Kernel::new("log_softmax_backward", SOFTMAX_BACKWARD_PARTS, LOGIT_CHOICES, Some(&STATS_DOT_SUBGROUP)).second().log(true);
pub(crate) static CHECK_TARGETS_KERNEL: Kernel =
    Kernel::new("check_targets", &[&NUMERICS, &VECTOR, &WORDS, &STATS_TARGETS, &SUMMARY, &CHECK_TARGETS], &[Choice::ClassWeights], None)
        .vector();
pub(crate) static REDUCE_LOSS_KERNEL: Kernel =
    Kernel::new("reduce_loss", &[&NUMERICS, &VECTOR, &WORDS, &STATS_LOSS, &SUMMARY, &REDUCE_LOSS], &[], None).vector();

pub(crate) static SIGMOID_KERNEL: Kernel = Kernel::new("sigmoid", &[&NUMERICS, &STATS_NONE, &SIGMOID], &[], Some(&STATS_NONE_SUBGROUP));
pub(crate) static SIGMOID_BACKWARD_KERNEL: Kernel =
    Kernel::new("sigmoid_backward", &[&NUMERICS, &STATS_NONE, &SIGMOID_BACKWARD], &[], Some(&STATS_NONE_SUBGROUP)).second();
pub(crate) static BINARY_CROSS_ENTROPY_KERNEL: Kernel = Kernel::new(
    "binary_cross_entropy",
    &[&NUMERICS, &WORDS, &SCAN, &STATS_SUM, &ELEMENT_LOSS, &BINARY_CROSS_ENTROPY],
    &[Choice::ElementWeights, Choice::PosWeights],
    Some(&STATS_SUM_SUBGROUP),
)
.second();
static KL_DIV_PARTS: &[&Part] = &[&NUMERICS, &WORDS, &SCAN, &STATS_SUM, &ELEMENT_LOSS, &KL_DIV];
pub(crate) static KL_DIV_KERNEL: Kernel = Kernel::new("kl_div", KL_DIV_PARTS, &[], Some(&STATS_SUM_SUBGROUP)).second().log(false);
pub(crate) static KL_DIV_LOG_KERNEL: Kernel = Kernel::new("kl_div_log", KL_DIV_PARTS, &[], Some(&STATS_SUM_SUBGROUP)).second().log(true);
pub(crate) static ENTROPY_KERNEL: Kernel =
    Kernel::new("entropy", &[&NUMERICS, &WORDS, &SCAN, &STATS_SUM, &ELEMENT_LOSS, &ENTROPY], &[], Some(&STATS_SUM_SUBGROUP));
pub(crate) static DISTRIBUTION_CROSS_ENTROPY_KERNEL: Kernel = Kernel::new(
    "distribution_cross_entropy",
    &[&NUMERICS, &WORDS, &SCAN, &STATS_SUM, &ELEMENT_LOSS, &DISTRIBUTION_CROSS_ENTROPY],
    &[],
    Some(&STATS_SUM_SUBGROUP),
)
.second();
pub(crate) static NLL_KERNEL: Kernel =
    Kernel::new("nll", &[&NUMERICS, &WORDS, &TARGET, &ROW_FACTOR, &STATS_OWN, &NLL], &[Choice::ClassWeights], Some(&STATS_OWN_SUBGROUP));

pub(crate) static DRAW_KERNEL: Kernel = Kernel::new(
    "draw",
    &[&NUMERICS, &SCAN, &KEYS, &ORDERED, &WIDE, &PHILOX, &STATS_BEST, &WORDS, &DRAW],
    LOGIT_CHOICES,
    Some(&STATS_BEST_SUBGROUP),
);
pub(crate) static PEAK_KERNEL: Kernel =
    Kernel::new("peak", &[&NUMERICS, &SCAN, &KEYS, &ORDERED, &STATS_BEST, &WORDS, &PEAK], LOGIT_CHOICES, Some(&STATS_BEST_SUBGROUP));
pub(crate) static NARROW_COUNT_KERNEL: Kernel = Kernel::new(
    "narrow_count",
    &[&NUMERICS, &SCAN, &KEYS, &ORDERED, &WIDE, &STATS_MASSES, &COUNT_MASS, &WORDS, &NARROW],
    LOGIT_CHOICES,
    Some(&STATS_MASSES_SUBGROUP),
);
pub(crate) static MASS_TOTAL_KERNEL: Kernel = Kernel::new(
    "mass_total",
    &[&NUMERICS, &SCAN, &KEYS, &ORDERED, &WIDE, &STATS_MASSES, &EXP_MASS, &WORDS, &MASS_TOTAL],
    LOGIT_CHOICES,
    Some(&STATS_MASSES_SUBGROUP),
);
pub(crate) static NARROW_MASS_KERNEL: Kernel = Kernel::new(
    "narrow_mass",
    &[&NUMERICS, &SCAN, &KEYS, &ORDERED, &WIDE, &STATS_MASSES, &EXP_MASS, &WORDS, &NARROW],
    LOGIT_CHOICES,
    Some(&STATS_MASSES_SUBGROUP),
);
pub(crate) static TOP_K_KERNEL: Kernel =
    Kernel::new("top_k", &[&NUMERICS, &SCAN, &KEYS, &STATS_TOP, &WORDS, &TOP_K], LOGIT_CHOICES, Some(&STATS_TOP_SUBGROUP));
pub(crate) static SIGNED_LOGSUMEXP_KERNEL: Kernel = Kernel::new(
    "signed_logsumexp",
    &[&NUMERICS, &SCAN, &STATS_SIGNED, &WORDS, &SIGNED_LOGSUMEXP],
    LOGIT_CHOICES,
    Some(&STATS_SIGNED_SUBGROUP),
)
.second();
pub(crate) static SIGNED_LOGSUMEXP_BACKWARD_KERNEL: Kernel = Kernel::new(
    "signed_logsumexp_backward",
    &[&NUMERICS, &STATS_NONE, &WORDS, &SIGNED_LOGSUMEXP_BACKWARD],
    LOGIT_CHOICES,
    Some(&STATS_NONE_SUBGROUP),
)
.second();

/// Every kernel: what tests enumerate.
#[cfg(test)]
pub(crate) static ALL_KERNELS: &[&Kernel] = &[
    &SOFTMAX_KERNEL,
    &LOG_SOFTMAX_KERNEL,
    &LOGSUMEXP_KERNEL,
    &CROSS_ENTROPY_KERNEL,
    &LOGSUMEXP_BACKWARD_KERNEL,
    &SOFTMAX_BACKWARD_KERNEL,
    &LOG_SOFTMAX_BACKWARD_KERNEL,
    &CHECK_TARGETS_KERNEL,
    &REDUCE_LOSS_KERNEL,
    &DRAW_KERNEL,
    &PEAK_KERNEL,
    &NARROW_COUNT_KERNEL,
    &MASS_TOTAL_KERNEL,
    &NARROW_MASS_KERNEL,
    &TOP_K_KERNEL,
    &SIGNED_LOGSUMEXP_KERNEL,
    &SIGNED_LOGSUMEXP_BACKWARD_KERNEL,
    &SIGMOID_KERNEL,
    &SIGMOID_BACKWARD_KERNEL,
    &BINARY_CROSS_ENTROPY_KERNEL,
    &KL_DIV_KERNEL,
    &KL_DIV_LOG_KERNEL,
    &ENTROPY_KERNEL,
    &DISTRIBUTION_CROSS_ENTROPY_KERNEL,
    &NLL_KERNEL,
];
