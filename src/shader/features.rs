//! What the options of a call change in its pipelines: a part in the place of another, or the value of an override.

use super::parts::*;

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
    /// There are results of rows other than the loss and the status.
    pub(crate) details: bool,
    /// Rows have weights or upstream gradients.
    pub(crate) row_factors: bool,
    pub(crate) states: bool,
    pub(crate) target_gradient: bool,
}

impl Features {
    /// Whether rows of several blocks are worth to be written out: only for calls that ask for nothing of each class but its exponential.
    /// A pipeline with eight blocks takes drivers on the CPU up to four seconds, and there would be one for all options that meet.
    pub(crate) fn can_keep(&self) -> bool {
        let Self { weighted, row_factors, states, .. } = *self;
        *self == Self { weighted, row_factors, states, ..Self::default() }
    }
}

impl Choice {
    pub(super) fn parts(self, features: &Features) -> &'static [&'static Part] {
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
