//! WGSL parts and how they join into a module: by name, in one text, without any preprocessing.

use crate::plan::Unit;
use crate::views::Storage;

/// A binding that a part declares. The number is the same in every module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Slot {
    pub(crate) index: u32,
    pub(crate) access: Access,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Access {
    Uniform,
    Read,
    Write,
}

/// One file of `shaders/`.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) file: &'static str,
    pub(crate) text: &'static str,
    pub(crate) slots: &'static [Slot],
    pub(crate) overrides: &'static [&'static str],
}

/// Binding numbers.
pub(crate) mod slot {
    pub(crate) const PARAMS: u32 = 0;
    pub(crate) const LOGITS: u32 = 1;
    pub(crate) const SECOND: u32 = 2;
    pub(crate) const THIRD: u32 = 3;
    pub(crate) const RESULT: u32 = 4;
    pub(crate) const WORDS: u32 = 5;
    pub(crate) const MASK: u32 = 6;
    pub(crate) const PARTIALS: u32 = 7;
    pub(crate) const STATES: u32 = 8;
    pub(crate) const TARGET_RESULT: u32 = 9;
    pub(crate) const SUMMARY: u32 = 10;
    pub(crate) const COUNT: usize = 11;
}

macro_rules! parts {
    ($($name:ident = $file:literal [$($slot:ident $access:ident),*] [$($constant:literal),*];)*) => {
        $(pub(crate) static $name: Part = Part {
            file: $file,
            text: include_str!(concat!("../shaders/", $file)),
            slots: &[$(Slot { index: slot::$slot, access: Access::$access }),*],
            overrides: &[$($constant),*],
        };)*
        #[cfg(test)]
        pub(crate) static ALL_PARTS: &[&Part] = &[$(&$name),*];
    };
}

parts! {
    PARAMS = "params.wgsl" [PARAMS Uniform] [];
    NUMERICS = "numerics.wgsl" [] [];
    LAYOUT = "layout.wgsl" [] ["STRIDED"];
    LOGITS_F32 = "logits_f32.wgsl" [LOGITS Read] [];
    LOGITS_F32X4 = "logits_f32x4.wgsl" [LOGITS Read] [];
    SECOND_F32 = "second_f32.wgsl" [SECOND Read] [];
    SECOND_F32X4 = "second_f32x4.wgsl" [SECOND Read] [];
    THIRD_F32 = "third_f32.wgsl" [THIRD Read] [];
    THIRD_F32X4 = "third_f32x4.wgsl" [THIRD Read] [];
    RESULT_F32 = "result_f32.wgsl" [RESULT Write] [];
    RESULT_F32X4 = "result_f32x4.wgsl" [RESULT Write] [];
    IN_PLACE_F32 = "in_place_f32.wgsl" [] [];
    IN_PLACE_F32X4 = "in_place_f32x4.wgsl" [] [];
    QUADS = "quads.wgsl" [] [];
    SECOND_QUADS = "second_quads.wgsl" [] [];
    THIRD_QUADS = "third_quads.wgsl" [] [];
    ELEMENTS = "elements.wgsl" [] [];
    NO_ELEMENTS = "no_elements.wgsl" [] [];
    WORDS = "words.wgsl" [WORDS Write] [];
    TRANSFORM_IDENTITY = "transform_identity.wgsl" [] [];
    TRANSFORM_SCALE = "transform_scale.wgsl" [] [];
    TRANSFORM_SOFTCAP = "transform_softcap.wgsl" [] [];
    MASK = "mask.wgsl" [MASK Read] [];
    NO_MASK = "no_mask.wgsl" [] [];
    CLASS_WEIGHTS = "class_weights.wgsl" [] [];
    NO_CLASS_WEIGHTS = "no_class_weights.wgsl" [] [];
    ELEMENT_WEIGHTS = "element_weights.wgsl" [] [];
    POS_WEIGHTS = "pos_weights.wgsl" [] [];
    NO_POS_WEIGHTS = "no_pos_weights.wgsl" [] [];
    TARGET = "target.wgsl" [] [];
    NO_TARGET = "no_target.wgsl" [] [];
    LABELS = "labels.wgsl" [] [];
    NO_LABELS = "no_labels.wgsl" [] [];
    STATE_OUT = "state_out.wgsl" [STATES Write] [];
    NO_STATE_OUT = "no_state_out.wgsl" [] [];
    TARGET_GRADIENT = "target_gradient.wgsl" [TARGET_RESULT Write] [];
    NO_TARGET_GRADIENT = "no_target_gradient.wgsl" [] [];
    SCAN = "scan.wgsl" [] [];
    ROW_STATE = "row_state.wgsl" [] [];
    ROW_STATE_SUBGROUP = "row_state_subgroup.wgsl" [] [];
    STATS_ROW = "stats_row.wgsl" [] ["TRACK_ARGMAX", "TRACK_RANK", "TRACK_ENTROPY", "SMOOTHS"];
    STATS_DOT = "stats_dot.wgsl" [] [];
    STATS_DOT_SUBGROUP = "stats_dot_subgroup.wgsl" [] [];
    STATS_NONE = "stats_none.wgsl" [] [];
    STATS_NONE_SUBGROUP = "stats_none_subgroup.wgsl" [] [];
    STATS_OWN = "stats_own.wgsl" [] [];
    STATS_OWN_SUBGROUP = "stats_own_subgroup.wgsl" [] [];
    STATS_SUM = "stats_sum.wgsl" [] [];
    STATS_SUM_SUBGROUP = "stats_sum_subgroup.wgsl" [] [];
    STATS_TARGETS = "stats_targets.wgsl" [] [];
    STATS_LOSS = "stats_loss.wgsl" [] [];
    VECTOR = "vector.wgsl" [] [];
    SUMMARY = "summary.wgsl" [SUMMARY Write] [];
    SOFTMAX = "softmax.wgsl" [] ["LOG"];
    LOGSUMEXP = "logsumexp.wgsl" [] [];
    ROW_STATES = "row_states.wgsl" [] [];
    ROW_FACTOR = "row_factor.wgsl" [] [];
    CROSS_ENTROPY = "cross_entropy.wgsl" [] [];
    NLL = "nll.wgsl" [] [];
    SIGMOID = "sigmoid.wgsl" [] [];
    SIGMOID_BACKWARD = "sigmoid_backward.wgsl" [] [];
    ELEMENT_LOSS = "element_loss.wgsl" [] ["WRITES"];
    BINARY_CROSS_ENTROPY = "binary_cross_entropy.wgsl" [] [];
    KL_DIV = "kl_div.wgsl" [] ["LOG"];
    ENTROPY = "entropy.wgsl" [] [];
    DISTRIBUTION_CROSS_ENTROPY = "distribution_cross_entropy.wgsl" [] [];
    LOGSUMEXP_BACKWARD = "logsumexp_backward.wgsl" [] [];
    SOFTMAX_BACKWARD = "softmax_backward.wgsl" [] ["LOG"];
    CHECK_TARGETS = "check_targets.wgsl" [] [];
    REDUCE_LOSS = "reduce_loss.wgsl" [] [];
    KEYS = "keys.wgsl" [] [];
    ORDERED = "ordered.wgsl" [] [];
    WIDE = "wide.wgsl" [] [];
    PHILOX = "philox.wgsl" [] [];
    STATS_BEST = "stats_best.wgsl" [] [];
    STATS_BEST_SUBGROUP = "stats_best_subgroup.wgsl" [] [];
    STATS_MASSES = "stats_masses.wgsl" [] [];
    STATS_MASSES_SUBGROUP = "stats_masses_subgroup.wgsl" [] [];
    COUNT_MASS = "count_mass.wgsl" [] [];
    EXP_MASS = "exp_mass.wgsl" [] [];
    NARROW = "narrow.wgsl" [] [];
    MASS_TOTAL = "mass_total.wgsl" [] [];
    PEAK = "peak.wgsl" [] [];
    DRAW = "draw.wgsl" [] [];
    ROW_PEAK = "row_peak.wgsl" [] [];
    STATS_TOP = "stats_top.wgsl" [] [];
    STATS_TOP_SUBGROUP = "stats_top_subgroup.wgsl" [] [];
    TOP_K = "top_k.wgsl" [RESULT Write, TARGET_RESULT Write] [];
    STATS_SIGNED = "stats_signed.wgsl" [] [];
    STATS_SIGNED_SUBGROUP = "stats_signed_subgroup.wgsl" [] [];
    SIGNED_LOGSUMEXP = "signed_logsumexp.wgsl" [] [];
    SIGNED_LOGSUMEXP_BACKWARD = "signed_logsumexp_backward.wgsl" [] [];
    WHOLE_ROW = "whole_row.wgsl" [] [];
    PARTIALS = "partials.wgsl" [PARTIALS Write] [];
    SPLIT_PARTIALS = "split_partials.wgsl" [] [];
    SPLIT_FINISH = "split_finish.wgsl" [] [];
    UNIT_THREAD = "unit_thread.wgsl" [] ["WORKGROUP"];
    UNIT_SUBGROUP = "unit_subgroup.wgsl" [] ["WORKGROUP", "ITEMS_PER_GROUP"];
    UNIT_WORKGROUP = "unit_workgroup.wgsl" [] ["WORKGROUP"];
}

/// Which of a strategy's dispatches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Whole,
    Partials,
    Finish,
}

impl Phase {
    fn parts(self) -> &'static [&'static Part] {
        static WHOLE: [&Part; 1] = [&WHOLE_ROW];
        static FIRST: [&Part; 2] = [&PARTIALS, &SPLIT_PARTIALS];
        static SECOND: [&Part; 2] = [&PARTIALS, &SPLIT_FINISH];
        match self {
            Self::Whole => &WHOLE,
            Self::Partials => &FIRST,
            Self::Finish => &SECOND,
        }
    }
}

/// A place of a kernel that a call's options fill with one part or another, all with the same functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Transform,
    Mask,
    ClassWeights,
    ElementWeights,
    PosWeights,
    Labels,
    States,
    TargetGradient,
}

/// What happens to a logit first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) enum Transform {
    #[default]
    Identity,
    Scale,
    Softcap,
}

/// Which matrix a loss that is a sum over elements writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) enum Writes {
    #[default]
    Values,
    Gradient,
    TargetGradient,
}

/// Which of its options a call uses: what it does not use is not in its pipelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Features {
    pub(crate) transform: Transform,
    pub(crate) masked: bool,
    pub(crate) weighted: bool,
    /// There is a weight for each element.
    pub(crate) element_weights: bool,
    pub(crate) pos_weights: bool,
    pub(crate) writes: Writes,
    /// Targets are probabilities.
    pub(crate) labels: bool,
    pub(crate) smooths: bool,
    pub(crate) argmax: bool,
    pub(crate) rank: bool,
    pub(crate) entropy: bool,
    pub(crate) states: bool,
    pub(crate) target_gradient: bool,
}

impl Choice {
    fn parts(self, features: &Features) -> &'static [&'static Part] {
        static IDENTITY: [&Part; 1] = [&TRANSFORM_IDENTITY];
        static SCALED: [&Part; 2] = [&WORDS, &TRANSFORM_SCALE];
        static SOFTCAPPED: [&Part; 2] = [&WORDS, &TRANSFORM_SOFTCAP];
        static MASKED: [&Part; 1] = [&MASK];
        static UNMASKED: [&Part; 1] = [&NO_MASK];
        static WEIGHTED: [&Part; 2] = [&WORDS, &CLASS_WEIGHTS];
        static UNWEIGHTED: [&Part; 1] = [&NO_CLASS_WEIGHTS];
        static BY_ELEMENT: [&Part; 1] = [&ELEMENT_WEIGHTS];
        static POSITIVE: [&Part; 2] = [&WORDS, &POS_WEIGHTS];
        static EQUAL_SIDES: [&Part; 1] = [&NO_POS_WEIGHTS];
        static LABELLED: [&Part; 1] = [&LABELS];
        static UNLABELLED: [&Part; 1] = [&NO_LABELS];
        static KEEPS: [&Part; 1] = [&STATE_OUT];
        static DROPS: [&Part; 1] = [&NO_STATE_OUT];
        static TARGETS: [&Part; 1] = [&TARGET_GRADIENT];
        static NO_TARGETS: [&Part; 1] = [&NO_TARGET_GRADIENT];
        match (self, features) {
            (Self::Transform, Features { transform: Transform::Identity, .. }) => &IDENTITY,
            (Self::Transform, Features { transform: Transform::Scale, .. }) => &SCALED,
            (Self::Transform, Features { transform: Transform::Softcap, .. }) => &SOFTCAPPED,
            (Self::Mask, Features { masked: true, .. }) => &MASKED,
            (Self::Mask, _) => &UNMASKED,
            (Self::ElementWeights, Features { element_weights: true, .. }) => &BY_ELEMENT,
            (Self::ClassWeights | Self::ElementWeights, Features { weighted: true, .. }) => &WEIGHTED,
            (Self::ClassWeights | Self::ElementWeights, _) => &UNWEIGHTED,
            (Self::PosWeights, Features { pos_weights: true, .. }) => &POSITIVE,
            (Self::PosWeights, _) => &EQUAL_SIDES,
            (Self::Labels, Features { labels: true, .. }) => &LABELLED,
            (Self::Labels, _) => &UNLABELLED,
            (Self::States, Features { states: true, .. }) => &KEEPS,
            (Self::States, _) => &DROPS,
            (Self::TargetGradient, Features { target_gradient: true, .. }) => &TARGETS,
            (Self::TargetGradient, _) => &NO_TARGETS,
        }
    }
}

/// An operation's own parts: what it keeps of a row and what it makes of it.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) name: &'static str,
    parts: &'static [&'static Part],
    choices: &'static [Choice],
    subgroup: Option<&'static Part>,
    reads_logits: bool,
    /// Whether there is a second matrix whatever the options.
    reads_second: bool,
    /// The value of the override LOG, if it has one.
    log: Option<bool>,
}

impl Kernel {
    /// Whether there is a variant with subgroup operations.
    pub(crate) fn has_subgroups(&self) -> bool {
        self.subgroup.is_some()
    }

    /// Whether there is a second matrix whatever the options.
    pub(crate) fn reads_second(&self) -> bool {
        self.reads_second
    }

    const fn new(name: &'static str, parts: &'static [&'static Part], choices: &'static [Choice], subgroup: Option<&'static Part>) -> Self {
        Self { name, parts, choices, subgroup, reads_logits: true, reads_second: false, log: None }
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
pub(crate) static ROW_STATES_KERNEL: Kernel = Kernel::new(
    "row_states",
    &[&NUMERICS, &SCAN, &ROW_STATE, &STATS_ROW, &WORDS, &TARGET, &STATE_OUT, &ROW_STATES],
    &[Choice::Transform, Choice::Mask, Choice::ClassWeights, Choice::Labels],
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
pub(crate) static ROW_PEAK_KERNEL: Kernel = Kernel::new(
    "row_peak",
    &[&NUMERICS, &SCAN, &ROW_STATE, &STATS_ROW, &NO_CLASS_WEIGHTS, &NO_LABELS, &NO_TARGET, &WORDS, &ROW_PEAK],
    LOGIT_CHOICES,
    Some(&ROW_STATE_SUBGROUP),
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
    &ROW_STATES_KERNEL,
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
    &ROW_PEAK_KERNEL,
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

/// What distinguishes one pipeline from another, besides widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Variant {
    pub(crate) unit: Unit,
    pub(crate) phase: Phase,
    pub(crate) elements: bool,
    pub(crate) in_place: bool,
    pub(crate) storage: Storage,
    /// Whether the classes of a row lie apart.
    pub(crate) strided: bool,
    /// Whether the matrices can be accessed 16 bytes at a time.
    pub(crate) logits_aligned: bool,
    pub(crate) second_aligned: bool,
    pub(crate) third_aligned: bool,
    pub(crate) result_aligned: bool,
    pub(crate) features: Features,
}

/// A module's parts and text.
#[derive(Debug)]
pub(crate) struct Source {
    parts: Vec<&'static Part>,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn new(kernel: &Kernel, variant: &Variant) -> Self {
        let features = &variant.features;
        let either = |aligned: bool, wide: &'static Part, narrow: &'static Part| match variant.storage {
            Storage::F32 if aligned => wide,
            Storage::F32 => narrow,
        };
        let mut parts = vec![&PARAMS];
        if kernel.reads_logits {
            parts.push(&LAYOUT);
            if variant.in_place {
                parts.push(either(variant.result_aligned, &IN_PLACE_F32X4, &IN_PLACE_F32));
            } else {
                parts.push(either(variant.logits_aligned, &LOGITS_F32X4, &LOGITS_F32));
            }
            parts.push(&QUADS);
        }
        if kernel.reads_second || features.labels {
            parts.push(either(variant.second_aligned, &SECOND_F32X4, &SECOND_F32));
            parts.push(&SECOND_QUADS);
        }
        if features.element_weights {
            parts.push(either(variant.third_aligned, &THIRD_F32X4, &THIRD_F32));
            parts.push(&THIRD_QUADS);
        }
        parts.extend(kernel.parts);
        // A part that several choices need is there once.
        for part in kernel.choices.iter().flat_map(|choice| choice.parts(features)) {
            if !parts.iter().any(|p| p.file == part.file) {
                parts.push(part);
            }
        }
        if variant.elements {
            parts.push(either(variant.result_aligned, &RESULT_F32X4, &RESULT_F32));
            parts.push(&ELEMENTS);
        } else {
            parts.push(&NO_ELEMENTS);
        }
        parts.extend(variant.phase.parts());
        match variant.unit {
            Unit::Thread => parts.push(&UNIT_THREAD),
            Unit::Workgroup => parts.push(&UNIT_WORKGROUP),
            Unit::Subgroup => {
                parts.extend(kernel.subgroup);
                parts.push(&UNIT_SUBGROUP);
            }
        }
        let text = parts.iter().map(|p| p.text).collect::<Vec<_>>().join("\n");
        #[cfg(test)]
        let text = crate::wrong_kernels::changed(text);
        Self { parts, text }
    }

    /// The bindings of the module, by number.
    pub(crate) fn slots(&self) -> Vec<Slot> {
        let mut slots: Vec<Slot> = self.parts.iter().flat_map(|p| p.slots).copied().collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// The values of the overrides that the module declares, and of no other: wgpu refuses unknown ones.
    pub(crate) fn constants(&self, kernel: &Kernel, variant: &Variant, workgroup: u32, items_per_group: u32) -> Vec<(&'static str, f64)> {
        let value = |name: &str| match name {
            "WORKGROUP" => f64::from(workgroup),
            "ITEMS_PER_GROUP" => f64::from(items_per_group),
            "STRIDED" => f64::from(variant.strided),
            "TRACK_ARGMAX" => f64::from(variant.features.argmax),
            "TRACK_RANK" => f64::from(variant.features.rank),
            "TRACK_ENTROPY" => f64::from(variant.features.entropy),
            "SMOOTHS" => f64::from(variant.features.smooths),
            "WRITES" => f64::from(variant.features.writes as u8),
            "LOG" => f64::from(kernel.log.unwrap_or(false)),
            other => unreachable!("no value for override {other}"),
        };
        self.parts.iter().flat_map(|p| p.overrides).map(|&name| (name, value(name))).collect()
    }

    /// The file and the line in it that a line (from 1) of the joined text comes from.
    pub(crate) fn locate(&self, line: usize) -> (&'static str, usize) {
        let mut first = 1;
        for part in &self.parts {
            // join() puts one newline between parts.
            let lines = part.text.matches('\n').count() + 1;
            if line < first + lines {
                return (part.file, line - first + 1);
            }
            first += lines;
        }
        ("", 0)
    }
}

#[cfg(test)]
mod tests;
