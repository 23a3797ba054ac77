//! WGSL parts and how they join into a module: by name, in one text, without any preprocessing.

mod features;
mod kernels;
mod parts;
mod possible;

use crate::plan::Unit;
use crate::views::Storage;

pub(crate) use features::{Features, Transform, Writes};
pub(crate) use kernels::*;
pub(crate) use parts::*;

/// Which of a strategy's dispatches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Whole,
    /// A whole row of so few classes that a thread reads it once, as one block.
    Short(u32),
    /// A whole row of so many quads that a thread keeps.
    Kept(u32),
    /// A whole row, so many blocks of which a thread keeps.
    Held(u32),
    Partials,
    Finish,
    /// The states of the rows are given: nothing is read for them.
    Given,
    /// The same, of rows of so few classes.
    GivenShort(u32),
}

/// Quads of a block, which a kernel reads at once: as quads.wgsl writes them out.
const BLOCK_QUADS: u32 = 4;

/// The most classes of a row that is one block.
const SHORT_CLASSES: u32 = 4 * BLOCK_QUADS;

/// The most classes of a row that a thread keeps: eight blocks, as `kept_row.wgsl` writes them out.
const KEPT_CLASSES: u32 = 8 * SHORT_CLASSES;

impl Phase {
    /// What serves whole rows of so many classes by a thread each, in a tile or not: a tile changes no bit.
    pub(crate) fn of_threads(kernel: &Kernel, features: &Features, classes: u64) -> Self {
        match u32::try_from(classes) {
            Ok(classes @ 1..=SHORT_CLASSES) if kernel.can_hold() => Self::Short(classes),
            Ok(classes @ 1..=KEPT_CLASSES) if kernel.can_hold() && features.can_keep() => Self::Kept(classes.div_ceil(4)),
            _ => Self::Whole,
        }
    }

    /// What finishes rows whose states are given, where a thread serves each.
    pub(crate) fn of_threads_given(kernel: &Kernel, classes: u64) -> Self {
        match u32::try_from(classes) {
            Ok(classes @ 1..=SHORT_CLASSES) if kernel.can_hold() => Self::GivenShort(classes),
            _ => Self::Given,
        }
    }

    fn parts(self) -> &'static [&'static Part] {
        static WHOLE: [&Part; 1] = [&WHOLE_ROW];
        static SHORT: [&Part; 2] = [&LAST_BLOCK, &SHORT_ROW];
        static KEPT: [&Part; 2] = [&LAST_BLOCK, &KEPT_ROW];
        static HELD: [&Part; 2] = [&ELEMENTS_BACK, &HELD_ROW];
        static FIRST: [&Part; 2] = [&PARTIALS, &SPLIT_PARTIALS];
        static SECOND: [&Part; 2] = [&PARTIALS, &SPLIT_FINISH];
        static GIVEN: [&Part; 2] = [&PARTIALS, &GIVEN_STATE];
        static GIVEN_SHORT: [&Part; 3] = [&PARTIALS, &LAST_BLOCK, &GIVEN_SHORT_ROW];
        match self {
            Self::Whole => &WHOLE,
            Self::Short(_) => &SHORT,
            Self::Kept(_) => &KEPT,
            Self::Held(_) => &HELD,
            Self::Partials => &FIRST,
            Self::Finish => &SECOND,
            Self::Given => &GIVEN,
            Self::GivenShort(_) => &GIVEN_SHORT,
        }
    }
}

/// How many neighbouring elements of a row are read or written at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AtOnce {
    One,
    /// Of matrices in buffers alone.
    Two,
    Four,
}

/// How a matrix is stored and accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Form {
    pub(crate) storage: Storage,
    pub(crate) at_once: AtOnce,
}

impl Form {
    /// That of a matrix that is not there.
    pub(crate) const NONE: Self = Self { storage: Storage::F32, at_once: AtOnce::Four };

    /// The part among those for f32, one, two and four at a time, and for 16 bits.
    fn part(self, parts: [&'static Part; 6]) -> &'static Part {
        parts[self.at_once as usize + if self.storage.is_half() { 3 } else { 0 }]
    }

    /// Whether it is accessed in quads and halves of them, as `stored_quads.wgsl` has them.
    pub(crate) fn has_quads(self) -> bool {
        match self.at_once {
            AtOnce::One => false,
            AtOnce::Two => !self.storage.is_half(),
            AtOnce::Four => true,
        }
    }
}

/// Those of all matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Forms {
    pub(crate) logits: Form,
    pub(crate) second: Form,
    pub(crate) third: Form,
    pub(crate) result: Form,
    /// Written one element at a time, however it is aligned.
    pub(crate) target_result: Storage,
}

impl Forms {
    fn any_half(&self) -> bool {
        let Self { logits, second, third, result, target_result } = self;
        [logits.storage, second.storage, third.storage, result.storage, *target_result].iter().any(|storage| storage.is_half())
    }
}

/// Where the logits are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LogitsFrom {
    /// A buffer of their own.
    Buffer,
    /// Where the result replaces them.
    Result,
    /// The texture that they were copied to.
    Texture,
}

/// What distinguishes one pipeline from another, besides widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Variant {
    pub(crate) unit: Unit,
    pub(crate) phase: Phase,
    pub(crate) elements: bool,
    pub(crate) from: LogitsFrom,
    /// Whether the classes of a row lie apart.
    pub(crate) strided: bool,
    /// Whether quads are read and written in words of 64 bits.
    pub(crate) wide: bool,
    pub(crate) forms: Forms,
    pub(crate) features: Features,
}

/// What stands in a part, but for builds that measure what the tests see: those are told by the environment what to change.
fn text_of(part: &Part) -> std::borrow::Cow<'static, str> {
    #[cfg(xent_mutations)]
    {
        crate::mutation::text_of(part)
    }
    #[cfg(not(xent_mutations))]
    {
        part.text.into()
    }
}

/// A module's parts and text.
#[derive(Debug)]
pub(crate) struct Source {
    parts: Vec<&'static Part>,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn new(kernel: &Kernel, variant: &Variant) -> Self {
        let Variant { forms, features, .. } = variant;
        let tile = matches!(variant.unit, Unit::Tile(_));
        let mut parts = vec![&PARAMS];
        if forms.any_half() {
            parts.push(&HALF);
        }
        if variant.has_quads(kernel) {
            parts.push(if variant.wide { &STORED_QUADS_64 } else { &STORED_QUADS });
        }
        if kernel.reads_logits {
            parts.push(&LAYOUT);
            match variant.from {
                LogitsFrom::Buffer => {
                    parts.push(forms.logits.part([&LOGITS_F32, &LOGITS_F32X2, &LOGITS_F32X4, &LOGITS_16, &LOGITS_16X2, &LOGITS_16X4]));
                }
                LogitsFrom::Result => parts.push(forms.result.part([
                    &IN_PLACE_F32,
                    &IN_PLACE_F32X2,
                    &IN_PLACE_F32X4,
                    &IN_PLACE_16,
                    &IN_PLACE_16X2,
                    &IN_PLACE_16X4,
                ])),
                LogitsFrom::Texture => {
                    parts.push(&TEXELS);
                    parts.push(forms.logits.part([&TEXELS_F32, &TEXELS_F32, &TEXELS_F32X4, &TEXELS_16, &TEXELS_16, &TEXELS_16X4]));
                }
            }
            if tile {
                parts.push(&TILE);
            } else {
                parts.push(&DIRECT);
                parts.push(if variant.has_whole_quads() { &WHOLE_QUADS } else { &PADDED });
            }
            parts.push(&QUADS);
        }
        if kernel.reads_second || features.labels {
            parts.push(forms.second.part([&SECOND_F32, &SECOND_F32X2, &SECOND_F32X4, &SECOND_16, &SECOND_16X2, &SECOND_16X4]));
            parts.push(&SECOND_QUADS);
        }
        if features.element_weights {
            parts.push(forms.third.part([&THIRD_F32, &THIRD_F32X2, &THIRD_F32X4, &THIRD_16, &THIRD_16X2, &THIRD_16X4]));
            parts.push(&THIRD_QUADS);
        }
        parts.extend(kernel.parts);
        // A part that several choices need is there once.
        for part in kernel.choices.iter().flat_map(|choice| choice.parts(features)) {
            if !parts.iter().any(|p| p.file == part.file) {
                parts.push(part);
            }
        }
        if features.target_gradient {
            parts.push(if forms.target_result.is_half() { &TARGET_RESULT_16 } else { &TARGET_RESULT_F32 });
        }
        if variant.elements {
            parts.push(forms.result.part([&RESULT_F32, &RESULT_F32X2, &RESULT_F32X4, &RESULT_16, &RESULT_16X2, &RESULT_16X4]));
            parts.push(if tile { &TILE_RESULT } else { &DIRECT_RESULT });
            parts.push(&ELEMENTS);
        } else {
            parts.extend(tile.then_some(&NO_TILE_RESULT));
            parts.push(&NO_ELEMENTS);
        }
        parts.extend(variant.phase.parts());
        match variant.unit {
            Unit::Thread => parts.push(&UNIT_THREAD),
            Unit::Tile(_) => parts.push(&UNIT_TILE),
            Unit::Workgroup => parts.push(&UNIT_WORKGROUP),
            Unit::Subgroup => {
                parts.extend(kernel.subgroup);
                parts.push(&UNIT_SUBGROUP);
            }
            Unit::Subgroups(_) => {
                parts.extend(kernel.subgroup);
                parts.push(&UNIT_SUBGROUPS);
            }
        }
        let text = parts.iter().map(|p| text_of(p)).collect::<Vec<_>>().join("\n");
        #[cfg(test)]
        let text = crate::wrong_kernels::changed(text);
        Self { parts, text }
    }

    /// The files of the module, in order.
    pub(crate) fn files(&self) -> Vec<&'static str> {
        self.parts.iter().map(|part| part.file).collect()
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
        let forms = &variant.forms;
        let is_bf16 = |storage| f64::from(storage == Storage::Bf16);
        let value = |name: &str| match name {
            "WORKGROUP" => f64::from(workgroup),
            "ITEMS_PER_GROUP" => f64::from(items_per_group),
            "HELD" => match variant.phase {
                Phase::Held(blocks) => f64::from(blocks),
                _ => unreachable!("only one strategy keeps blocks"),
            },
            "LAST_QUADS" => match variant.phase {
                Phase::Short(classes) | Phase::GivenShort(classes) => f64::from(classes.div_ceil(4)),
                Phase::Kept(quads) => f64::from((quads - 1) % BLOCK_QUADS + 1),
                _ => f64::from(BLOCK_QUADS),
            },
            "BLOCKS" => match variant.phase {
                Phase::Kept(quads) => f64::from(quads.div_ceil(BLOCK_QUADS)),
                _ => unreachable!("only one strategy writes blocks out"),
            },
            "CLASSES" => match variant.phase {
                Phase::Short(classes) | Phase::GivenShort(classes) => f64::from(classes),
                _ => 0.0,
            },
            "TILE" => match variant.unit {
                Unit::Tile(words) => f64::from(words),
                _ => unreachable!("only one unit has a tile"),
            },
            "SUBGROUPS" => match variant.unit {
                Unit::Subgroups(most) => f64::from(most),
                _ => unreachable!("only one unit has so many"),
            },
            "LOGITS_BF16" => is_bf16(forms.logits.storage),
            "SECOND_BF16" => is_bf16(forms.second.storage),
            "THIRD_BF16" => is_bf16(forms.third.storage),
            "RESULT_BF16" => is_bf16(forms.result.storage),
            "TARGET_RESULT_BF16" => is_bf16(forms.target_result),
            "STRIDED" => f64::from(variant.strided),
            "TRACK_ARGMAX" => f64::from(variant.features.argmax),
            "TRACK_RANK" => f64::from(variant.features.rank),
            "TRACK_ENTROPY" => f64::from(variant.features.entropy),
            "DETAILS" => f64::from(variant.features.details),
            "ROW_FACTORS" => f64::from(variant.features.row_factors),
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
