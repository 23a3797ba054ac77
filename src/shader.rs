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
    pub(crate) const TARGETS: u32 = 3;
    pub(crate) const UPSTREAM: u32 = 4;
    pub(crate) const RESULT: u32 = 5;
    pub(crate) const ROW_OUT: u32 = 6;
    pub(crate) const PARTIALS: u32 = 7;
    pub(crate) const SUMMARY: u32 = 8;
    pub(crate) const SAVED_LSE: u32 = 9;
    pub(crate) const SAVED_LOSS: u32 = 10;
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
    LOGITS_F32 = "logits_f32.wgsl" [LOGITS Read] [];
    LOGITS_F32X4 = "logits_f32x4.wgsl" [LOGITS Read] [];
    SECOND_F32 = "second_f32.wgsl" [SECOND Read] [];
    SECOND_F32X4 = "second_f32x4.wgsl" [SECOND Read] [];
    RESULT_F32 = "result_f32.wgsl" [RESULT Write] [];
    RESULT_F32X4 = "result_f32x4.wgsl" [RESULT Write] [];
    IN_PLACE_F32 = "in_place_f32.wgsl" [RESULT Write] [];
    IN_PLACE_F32X4 = "in_place_f32x4.wgsl" [RESULT Write] [];
    QUADS = "quads.wgsl" [] [];
    SECOND_QUADS = "second_quads.wgsl" [] [];
    ELEMENTS = "elements.wgsl" [] [];
    NO_ELEMENTS = "no_elements.wgsl" [] [];
    SCAN = "scan.wgsl" [] [];
    STATS_EXP = "stats_exp.wgsl" [] ["TRACK_ARGMAX"];
    STATS_EXP_SUBGROUP = "stats_exp_subgroup.wgsl" [] [];
    STATS_DOT = "stats_dot.wgsl" [] [];
    STATS_DOT_SUBGROUP = "stats_dot_subgroup.wgsl" [] [];
    STATS_LEFT_OUT = "stats_left_out.wgsl" [] [];
    STATS_LEFT_OUT_SUBGROUP = "stats_left_out_subgroup.wgsl" [] [];
    STATS_TARGETS = "stats_targets.wgsl" [] [];
    STATS_LOSS = "stats_loss.wgsl" [ROW_OUT Read] [];
    VECTOR = "vector.wgsl" [] [];
    TARGETS = "targets.wgsl" [TARGETS Read] [];
    TARGET_LEFT_OUT = "target_left_out.wgsl" [] [];
    SUMMARY = "summary.wgsl" [] [];
    SUMMARY_OUT = "summary_out.wgsl" [SUMMARY Write] [];
    ROW_SCALE = "row_scale.wgsl" [UPSTREAM Read, SUMMARY Read] [];
    ROW_UPSTREAM = "row_upstream.wgsl" [UPSTREAM Read] [];
    ROW_OUT = "row_out.wgsl" [ROW_OUT Write] [];
    SAVED_LSE = "saved_lse.wgsl" [SAVED_LSE Read] [];
    SOFTMAX = "softmax.wgsl" [] ["LOG"];
    LOGSUMEXP = "logsumexp.wgsl" [] [];
    CROSS_ENTROPY = "cross_entropy.wgsl" [] [];
    CROSS_ENTROPY_BACKWARD = "cross_entropy_backward.wgsl" [SAVED_LOSS Read] [];
    LOGSUMEXP_BACKWARD = "logsumexp_backward.wgsl" [] [];
    SOFTMAX_BACKWARD = "softmax_backward.wgsl" [] ["LOG"];
    CHECK_TARGETS = "check_targets.wgsl" [] [];
    REDUCE_LOSS = "reduce_loss.wgsl" [] [];
    WHOLE_ROW = "whole_row.wgsl" [] [];
    PARTIALS = "partials.wgsl" [PARTIALS Write] [];
    SPLIT_PARTIALS = "split_partials.wgsl" [] [];
    SPLIT_FINISH = "split_finish.wgsl" [] ["WRITES_ELEMENTS"];
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

/// An operation's own parts: what it keeps of a row and what it makes of it.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) name: &'static str,
    parts: &'static [&'static Part],
    subgroup: Option<&'static Part>,
    reads_logits: bool,
    reads_second: bool,
    /// The value of the override LOG, if it has one.
    log: Option<bool>,
}

impl Kernel {
    /// Whether there is a variant with subgroup operations.
    pub(crate) fn has_subgroups(&self) -> bool {
        self.subgroup.is_some()
    }

    const fn new(name: &'static str, parts: &'static [&'static Part], subgroup: Option<&'static Part>) -> Self {
        Self { name, parts, subgroup, reads_logits: true, reads_second: false, log: None }
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

static SOFTMAX_PARTS: &[&Part] = &[&NUMERICS, &SCAN, &STATS_EXP, &SOFTMAX];
static SOFTMAX_BACKWARD_PARTS: &[&Part] = &[&NUMERICS, &SCAN, &STATS_DOT, &SOFTMAX_BACKWARD];

pub(crate) static SOFTMAX_KERNEL: Kernel = Kernel::new("softmax", SOFTMAX_PARTS, Some(&STATS_EXP_SUBGROUP)).log(false);
pub(crate) static LOG_SOFTMAX_KERNEL: Kernel = Kernel::new("log_softmax", SOFTMAX_PARTS, Some(&STATS_EXP_SUBGROUP)).log(true);
pub(crate) static LOGSUMEXP_KERNEL: Kernel =
    Kernel::new("logsumexp", &[&NUMERICS, &SCAN, &STATS_EXP, &ROW_OUT, &LOGSUMEXP], Some(&STATS_EXP_SUBGROUP));
pub(crate) static CROSS_ENTROPY_KERNEL: Kernel = Kernel::new(
    "cross_entropy",
    &[&NUMERICS, &SCAN, &STATS_EXP, &TARGETS, &TARGET_LEFT_OUT, &SUMMARY, &ROW_SCALE, &ROW_OUT, &CROSS_ENTROPY],
    Some(&STATS_EXP_SUBGROUP),
);
pub(crate) static CROSS_ENTROPY_BACKWARD_KERNEL: Kernel = Kernel::new(
    "cross_entropy_backward",
    &[&NUMERICS, &STATS_LEFT_OUT, &TARGETS, &TARGET_LEFT_OUT, &SUMMARY, &ROW_SCALE, &SAVED_LSE, &CROSS_ENTROPY_BACKWARD],
    Some(&STATS_LEFT_OUT_SUBGROUP),
);
pub(crate) static LOGSUMEXP_BACKWARD_KERNEL: Kernel = Kernel::new(
    "logsumexp_backward",
    &[&NUMERICS, &STATS_LEFT_OUT, &ROW_UPSTREAM, &SAVED_LSE, &LOGSUMEXP_BACKWARD],
    Some(&STATS_LEFT_OUT_SUBGROUP),
);
pub(crate) static SOFTMAX_BACKWARD_KERNEL: Kernel =
    Kernel::new("softmax_backward", SOFTMAX_BACKWARD_PARTS, Some(&STATS_DOT_SUBGROUP)).second().log(false);
pub(crate) static LOG_SOFTMAX_BACKWARD_KERNEL: Kernel =
    Kernel::new("log_softmax_backward", SOFTMAX_BACKWARD_PARTS, Some(&STATS_DOT_SUBGROUP)).second().log(true);
pub(crate) static CHECK_TARGETS_KERNEL: Kernel =
    Kernel::new("check_targets", &[&SCAN, &VECTOR, &TARGETS, &STATS_TARGETS, &SUMMARY, &SUMMARY_OUT, &CHECK_TARGETS], None).vector();
pub(crate) static REDUCE_LOSS_KERNEL: Kernel =
    Kernel::new("reduce_loss", &[&NUMERICS, &SCAN, &VECTOR, &TARGETS, &STATS_LOSS, &SUMMARY, &SUMMARY_OUT, &REDUCE_LOSS], None).vector();

/// Every kernel: what tests enumerate.
#[cfg(test)]
pub(crate) static ALL_KERNELS: &[&Kernel] = &[
    &SOFTMAX_KERNEL,
    &LOG_SOFTMAX_KERNEL,
    &LOGSUMEXP_KERNEL,
    &CROSS_ENTROPY_KERNEL,
    &CROSS_ENTROPY_BACKWARD_KERNEL,
    &LOGSUMEXP_BACKWARD_KERNEL,
    &SOFTMAX_BACKWARD_KERNEL,
    &LOG_SOFTMAX_BACKWARD_KERNEL,
    &CHECK_TARGETS_KERNEL,
    &REDUCE_LOSS_KERNEL,
];

/// What distinguishes one pipeline from another, besides widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Variant {
    pub(crate) unit: Unit,
    pub(crate) phase: Phase,
    pub(crate) elements: bool,
    pub(crate) in_place: bool,
    pub(crate) storage: Storage,
    /// Whether the matrices can be accessed 16 bytes at a time.
    pub(crate) logits_aligned: bool,
    pub(crate) second_aligned: bool,
    pub(crate) result_aligned: bool,
    pub(crate) argmax: bool,
}

/// A module's parts and text.
#[derive(Debug)]
pub(crate) struct Source {
    parts: Vec<&'static Part>,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn new(kernel: &Kernel, variant: &Variant) -> Self {
        let either = |aligned: bool, wide: &'static Part, narrow: &'static Part| match variant.storage {
            Storage::F32 if aligned => wide,
            Storage::F32 => narrow,
        };
        let mut parts = vec![&PARAMS];
        if kernel.reads_logits {
            if variant.in_place {
                parts.push(either(variant.result_aligned, &IN_PLACE_F32X4, &IN_PLACE_F32));
            } else {
                parts.push(either(variant.logits_aligned, &LOGITS_F32X4, &LOGITS_F32));
            }
            parts.push(&QUADS);
        }
        if kernel.reads_second {
            parts.push(either(variant.second_aligned, &SECOND_F32X4, &SECOND_F32));
            parts.push(&SECOND_QUADS);
        }
        parts.extend(kernel.parts);
        if variant.elements {
            if !variant.in_place {
                parts.push(either(variant.result_aligned, &RESULT_F32X4, &RESULT_F32));
            }
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
            "TRACK_ARGMAX" => f64::from(variant.argmax),
            "WRITES_ELEMENTS" => f64::from(variant.elements),
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
