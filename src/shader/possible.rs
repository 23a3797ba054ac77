//! Which variants of a kernel calls can ask for: the one place for the rule. A debug build holds every pipeline that it makes against
//! it, and the unit tests enumerate by it, so that no module is made that they have not seen the like of.

use super::features::Choice;
use super::*;
use crate::plan::MAX_HELD;

impl Kernel {
    /// Whether there is a result of the logits' shape, and whether it can do without one: it has results of rows, or of all of them.
    fn writes(&self) -> [bool; 2] {
        *self.writes.get_or_init(|| {
            let contains = |code: &str| self.parts.iter().any(|part| part.text.contains(code));
            [contains("fn element("), contains("put_row(params") || contains("keep_state(row") || !self.reads_logits]
        })
    }
}

impl Variant {
    /// Whether calls of a kernel can ask for it.
    pub(crate) fn is_of(&self, kernel: &Kernel) -> bool {
        self.has_unit_of(kernel) && self.has_matrices_of(kernel) && self.has_features_of(kernel)
    }

    /// Subgroups only where the kernel has a part for them; blocks held only by workgroups, of what is written afterwards; short rows
    /// and rows kept only by threads, of a kernel that needs nothing but the same logits twice, and kept ones for few options; tiles of
    /// whole rows, or from states, whose classes lie side by side and are all read.
    fn has_unit_of(&self, kernel: &Kernel) -> bool {
        let is_subgroup = matches!(self.unit, Unit::Subgroup | Unit::Subgroups(_));
        let can_hold = matches!(self.unit, Unit::Workgroup | Unit::Subgroups(_)) && kernel.can_hold() && self.elements;
        let is_tile = matches!(self.unit, Unit::Tile(_));
        let keeps = (self.unit == Unit::Thread || is_tile) && kernel.can_hold();
        let holds = match self.phase {
            Phase::Held(blocks) => can_hold && (1..=MAX_HELD).contains(&u64::from(blocks)),
            Phase::Short(classes) | Phase::GivenShort(classes) => keeps && (1..=SHORT_CLASSES).contains(&classes),
            Phase::Kept(quads) => keeps && self.features.can_keep() && (BLOCK_QUADS + 1..=KEPT_CLASSES / 4).contains(&quads),
            Phase::Whole | Phase::Partials | Phase::Finish | Phase::Given => true,
        };
        let whole = !matches!(self.phase, Phase::Held(_) | Phase::Partials | Phase::Finish);
        let tiles = kernel.reads_all() && !self.strided && whole;
        holds && (!is_tile || tiles) && (!is_subgroup || kernel.has_subgroups())
    }

    /// The matrices, and whether a kernel has them: the logits, the second, the third, and the result.
    pub(super) fn matrices(&self, kernel: &Kernel) -> [(bool, Form); 4] {
        let Self { elements, from, forms, features, .. } = *self;
        [
            (kernel.reads_logits && from != LogitsFrom::Result, forms.logits),
            (kernel.reads_second || features.labels, forms.second),
            (features.element_weights, forms.third),
            (elements, forms.result),
        ]
    }

    /// Whether the last quad of a row of logits can be read as a whole.
    pub(crate) fn has_whole_quads(&self) -> bool {
        match self.from {
            LogitsFrom::Buffer => self.forms.logits.at_once == AtOnce::Four,
            LogitsFrom::Result => self.forms.result.at_once == AtOnce::Four,
            LogitsFrom::Texture => true,
        }
    }

    /// Whether a kernel reads or writes quads, or halves of them, of what is stored in a buffer.
    pub(crate) fn has_quads(&self, kernel: &Kernel) -> bool {
        let [(logits, form), others @ ..] = self.matrices(kernel);
        let logits = (logits && self.from == LogitsFrom::Buffer, form);
        [logits].iter().chain(&others).any(|(there, form)| *there && form.has_quads())
    }

    /// In place only where elements are written; a texture only of logits that are all read, one or four at a time; forms only of what is there, and
    /// one at a time where the classes of a row lie apart; words of 64 bits only where they hold quads.
    fn has_matrices_of(&self, kernel: &Kernel) -> bool {
        let Self { elements, from, strided, wide, forms, features, .. } = *self;
        let from_fits = match from {
            LogitsFrom::Buffer => true,
            LogitsFrom::Result => kernel.reads_logits && elements,
            LogitsFrom::Texture => kernel.reads_all(),
        };
        kernel.writes()[usize::from(!elements)]
            && from_fits
            && (!strided || kernel.reads_logits)
            && (!wide || self.has_quads(kernel))
            && (from != LogitsFrom::Texture || forms.logits.at_once != AtOnce::Two)
            && self
                .matrices(kernel)
                .iter()
                .all(|&(there, form)| if there { !strided || form.at_once == AtOnce::One } else { form == Form::NONE })
            && (features.target_gradient || forms.target_result == Storage::F32)
    }

    /// Features only of kernels that have a choice or an output for them.
    fn has_features_of(&self, kernel: &Kernel) -> bool {
        let has = |choice| kernel.choices.contains(&choice);
        // All fields by name: a new one cannot be forgotten here.
        let Features {
            transform,
            masked,
            weighted,
            element_weights,
            pos_weights,
            writes,
            labels,
            smooths,
            argmax,
            rank,
            entropy,
            details,
            row_factors,
            states,
            target_gradient,
        } = self.features;
        (transform == Transform::Identity || has(Choice::Transform))
            && (!masked || has(Choice::Mask))
            && (!weighted || has(Choice::ClassWeights) || has(Choice::ElementWeights) && !element_weights)
            && (!element_weights || has(Choice::ElementWeights))
            && (!pos_weights || has(Choice::PosWeights))
            && (writes == Writes::Values || kernel.overrides("WRITES") && self.elements)
            && (!(labels || smooths || argmax || rank || entropy) || has(Choice::Labels))
            && (!details || kernel.overrides("DETAILS"))
            && (!row_factors || kernel.overrides("ROW_FACTORS"))
            && (details || !(argmax || rank || entropy))
            && !(labels && rank)
            && (!states || has(Choice::States))
            && (!target_gradient || has(Choice::TargetGradient) && self.elements && labels)
    }
}
