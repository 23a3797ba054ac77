//! The files of `shaders/`, and the bindings and overrides that each declares.

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
    Texture,
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
    pub(crate) const TEXELS: u32 = 11;
    pub(crate) const COUNT: usize = 12;
}

macro_rules! parts {
    ($($name:ident = $file:literal [$($slot:ident $access:ident),*] [$($constant:literal),*];)*) => {
        $(pub(crate) static $name: Part = Part {
            file: $file,
            text: include_str!(concat!("../../shaders/", $file)),
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
    LAYOUT = "layout.wgsl" [] ["STRIDED", "CLASSES"];
    HALF = "half.wgsl" [] [];
    STORED_QUADS = "stored_quads.wgsl" [] [];
    STORED_QUADS_64 = "stored_quads_64.wgsl" [] [];
    LOGITS_F32 = "logits_f32.wgsl" [LOGITS Read] [];
    LOGITS_F32X2 = "logits_f32x2.wgsl" [LOGITS Read] [];
    LOGITS_F32X4 = "logits_f32x4.wgsl" [LOGITS Read] [];
    LOGITS_16 = "logits_16.wgsl" [LOGITS Read] ["LOGITS_BF16"];
    LOGITS_16X2 = "logits_16x2.wgsl" [LOGITS Read] ["LOGITS_BF16"];
    LOGITS_16X4 = "logits_16x4.wgsl" [LOGITS Read] ["LOGITS_BF16"];
    TEXELS = "texels.wgsl" [TEXELS Texture] [];
    TEXELS_F32 = "texels_f32.wgsl" [] [];
    TEXELS_F32X4 = "texels_f32x4.wgsl" [] [];
    TEXELS_16 = "texels_16.wgsl" [] ["LOGITS_BF16"];
    TEXELS_16X4 = "texels_16x4.wgsl" [] ["LOGITS_BF16"];
    SECOND_F32 = "second_f32.wgsl" [SECOND Read] [];
    SECOND_F32X2 = "second_f32x2.wgsl" [SECOND Read] [];
    SECOND_F32X4 = "second_f32x4.wgsl" [SECOND Read] [];
    SECOND_16 = "second_16.wgsl" [SECOND Read] ["SECOND_BF16"];
    SECOND_16X2 = "second_16x2.wgsl" [SECOND Read] ["SECOND_BF16"];
    SECOND_16X4 = "second_16x4.wgsl" [SECOND Read] ["SECOND_BF16"];
    THIRD_F32 = "third_f32.wgsl" [THIRD Read] [];
    THIRD_F32X2 = "third_f32x2.wgsl" [THIRD Read] [];
    THIRD_F32X4 = "third_f32x4.wgsl" [THIRD Read] [];
    THIRD_16 = "third_16.wgsl" [THIRD Read] ["THIRD_BF16"];
    THIRD_16X2 = "third_16x2.wgsl" [THIRD Read] ["THIRD_BF16"];
    THIRD_16X4 = "third_16x4.wgsl" [THIRD Read] ["THIRD_BF16"];
    RESULT_F32 = "result_f32.wgsl" [RESULT Write] [];
    RESULT_F32X2 = "result_f32x2.wgsl" [RESULT Write] [];
    RESULT_F32X4 = "result_f32x4.wgsl" [RESULT Write] [];
    RESULT_16 = "result_16.wgsl" [RESULT Write] ["RESULT_BF16"];
    RESULT_16X2 = "result_16x2.wgsl" [RESULT Write] ["RESULT_BF16"];
    RESULT_16X4 = "result_16x4.wgsl" [RESULT Write] ["RESULT_BF16"];
    IN_PLACE_F32 = "in_place_f32.wgsl" [] [];
    IN_PLACE_F32X2 = "in_place_f32x2.wgsl" [] [];
    IN_PLACE_F32X4 = "in_place_f32x4.wgsl" [] [];
    IN_PLACE_16 = "in_place_16.wgsl" [] [];
    IN_PLACE_16X2 = "in_place_16x2.wgsl" [] [];
    IN_PLACE_16X4 = "in_place_16x4.wgsl" [] [];
    TARGET_RESULT_F32 = "target_result_f32.wgsl" [TARGET_RESULT Write] [];
    TARGET_RESULT_16 = "target_result_16.wgsl" [TARGET_RESULT Write] ["TARGET_RESULT_BF16"];
    DIRECT = "direct.wgsl" [] [];
    DIRECT_RESULT = "direct_result.wgsl" [] [];
    TILE = "tile.wgsl" [] ["TILE"];
    TILE_RESULT = "tile_result.wgsl" [] [];
    NO_TILE_RESULT = "no_tile_result.wgsl" [] [];
    QUADS = "quads.wgsl" [] [];
    PADDED = "padded.wgsl" [] [];
    WHOLE_QUADS = "whole_quads.wgsl" [] [];
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
    TARGET_GRADIENT = "target_gradient.wgsl" [] [];
    NO_TARGET_GRADIENT = "no_target_gradient.wgsl" [] [];
    SCAN = "scan.wgsl" [] [];
    ROW_STATE = "row_state.wgsl" [] [];
    ROW_STATE_SUBGROUP = "row_state_subgroup.wgsl" [] [];
    STATS_ROW = "stats_row.wgsl" [] ["TRACK_ARGMAX", "TRACK_RANK", "TRACK_ENTROPY", "SMOOTHS", "LAST_QUADS"];
    STATS_DOT = "stats_dot.wgsl" [] [];
    STATS_DOT_SUBGROUP = "stats_dot_subgroup.wgsl" [] [];
    STATS_NONE = "stats_none.wgsl" [] [];
    STATS_NONE_SUBGROUP = "stats_none_subgroup.wgsl" [] [];
    STATS_OWN = "stats_own.wgsl" [] [];
    STATS_OWN_SUBGROUP = "stats_own_subgroup.wgsl" [] [];
    STATS_SUM = "stats_sum.wgsl" [] [];
    STATS_SUM_SUBGROUP = "stats_sum_subgroup.wgsl" [] [];
    STATS_TARGETS = "stats_targets.wgsl" [] ["ROW_FACTORS"];
    STATS_LOSS = "stats_loss.wgsl" [] ["DETAILS"];
    VECTOR = "vector.wgsl" [] [];
    SUMMARY = "summary.wgsl" [SUMMARY Write] [];
    SOFTMAX = "softmax.wgsl" [] ["LOG"];
    LOGSUMEXP = "logsumexp.wgsl" [] [];
    ROW_FACTOR = "row_factor.wgsl" [] ["ROW_FACTORS"];
    CROSS_ENTROPY = "cross_entropy.wgsl" [] ["DETAILS"];
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
    STATS_TOP = "stats_top.wgsl" [] [];
    STATS_TOP_SUBGROUP = "stats_top_subgroup.wgsl" [] [];
    TOP_K = "top_k.wgsl" [RESULT Write, TARGET_RESULT Write] [];
    STATS_SIGNED = "stats_signed.wgsl" [] [];
    STATS_SIGNED_SUBGROUP = "stats_signed_subgroup.wgsl" [] [];
    SIGNED_LOGSUMEXP = "signed_logsumexp.wgsl" [] [];
    SIGNED_LOGSUMEXP_BACKWARD = "signed_logsumexp_backward.wgsl" [] [];
    WHOLE_ROW = "whole_row.wgsl" [] [];
    LAST_BLOCK = "last_block.wgsl" [] [];
    SHORT_ROW = "short_row.wgsl" [] [];
    KEPT_ROW = "kept_row.wgsl" [] ["BLOCKS"];
    ELEMENTS_BACK = "elements_back.wgsl" [] [];
    HELD_ROW = "held_row.wgsl" [] ["HELD"];
    PARTIALS = "partials.wgsl" [PARTIALS Write] [];
    SPLIT_PARTIALS = "split_partials.wgsl" [] [];
    SPLIT_FINISH = "split_finish.wgsl" [] [];
    GIVEN_SHORT_ROW = "given_short_row.wgsl" [] [];
    GIVEN_STATE = "given_state.wgsl" [] [];
    UNIT_THREAD = "unit_thread.wgsl" [] ["WORKGROUP"];
    UNIT_TILE = "unit_tile.wgsl" [] ["WORKGROUP"];
    UNIT_SUBGROUP = "unit_subgroup.wgsl" [] ["WORKGROUP", "ITEMS_PER_GROUP"];
    UNIT_WORKGROUP = "unit_workgroup.wgsl" [] ["WORKGROUP"];
    UNIT_SUBGROUPS = "unit_subgroups.wgsl" [] ["WORKGROUP", "SUBGROUPS"];
}
