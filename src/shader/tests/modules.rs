//! The modules that the library can ask for.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::super::*;
use crate::shader::features::Choice;

/// A module with the values of its overrides. Pipelines that agree in both are listed once.
pub(super) struct Module {
    pub(super) name: String,
    pub(super) unit: Unit,
    pub(super) source: Source,
    pub(super) constants: Vec<(&'static str, f64)>,
}

/// Every module that can be asked for.
pub(super) static MODULES: LazyLock<Vec<Module>> = LazyLock::new(|| {
    let mut seen = HashSet::new();
    let mut modules = Vec::new();
    for &kernel in ALL_KERNELS {
        for variant in variants(kernel) {
            let source = Source::new(kernel, &variant);
            let (workgroup, items) = widths(variant.unit);
            let constants = source.constants(kernel, &variant, workgroup, items);
            if seen.insert((source.text.clone(), format!("{constants:?}"))) {
                modules.push(Module { name: format!("{} {variant:?}", kernel.name), unit: variant.unit, source, constants });
            }
        }
    }
    modules
});

/// Storages of the logits, of the other inputs, and of the results. Those of 16 bits differ only in the values of overrides.
const STORAGES: [[Storage; 3]; 4] = [
    [Storage::F32, Storage::F32, Storage::F32],
    [Storage::F16, Storage::Bf16, Storage::F16],
    [Storage::Bf16, Storage::F32, Storage::F32],
    [Storage::F32, Storage::F32, Storage::Bf16],
];

/// The variants of a kernel that can be asked for. This is the one place for the rule:
/// - units with subgroups, only of kernels that have a part for them;
/// - tiles, only of kernels that read all logits, of whole rows or from states;
/// - blocks held, only by workgroups, of kernels that can, with elements;
/// - elements, only of kernels with `element()`; those that have no results of rows are never run without;
/// - in place, only with elements, and then the logits have no form of their own; otherwise from a buffer or a texture;
/// - forms, only of matrices that are there, and no alignment where classes lie apart;
/// - features, only those that the kernel has a choice or an output for.
pub(super) fn variants(kernel: &Kernel) -> Vec<Variant> {
    let has = |text: &str| kernel.parts.iter().any(|p| p.text.contains(text));
    let (element, rows) = (has("fn element("), has("put_row(params") || has("keep_state(row") || !kernel.reads_logits);
    let second = kernel.reads_second || kernel.choices.contains(&Choice::Labels);
    let third = kernel.choices.contains(&Choice::ElementWeights);
    let mut variants = Vec::new();
    let units = [Unit::Thread, Unit::Tile(4096), Unit::Workgroup, Unit::Subgroup, Unit::Subgroups(8)];
    for unit in units.into_iter().filter(|&u| match u {
        Unit::Thread | Unit::Workgroup => true,
        Unit::Tile(_) => kernel.reads_all(),
        Unit::Subgroup | Unit::Subgroups(_) => kernel.has_subgroups(),
    }) {
        let tile = matches!(unit, Unit::Tile(_));
        let held = matches!(unit, Unit::Workgroup | Unit::Subgroups(_)) && kernel.can_hold();
        for phase in [Phase::Whole, Phase::Held(4), Phase::Partials, Phase::Finish] {
            if phase == Phase::Held(4) && !held || phase == Phase::Partials && tile {
                continue;
            }
            // Matrices are read and written in the same way by every unit and in every phase: one of each is enough for the other
            // storages, for textures, and for matrices of which only some are aligned.
            let all = matches!(unit, Unit::Thread | Unit::Tile(_)) && phase == Phase::Whole;
            let (storages, bits) = if all { (&STORAGES[..], 8) } else { (&STORAGES[..1], 7) };
            for (storage, bits) in storages.iter().flat_map(|storage| (0..1_u32 << bits).map(move |bits| (storage, bits))) {
                let bit = |i: u32| bits >> i & 1 == 1;
                let (elements, in_place, strided) = (bit(0), bit(1), bit(2));
                if !all && !(bit(3) && bit(4) && bit(5) && bit(6) || !(bit(3) || bit(4) || bit(5) || bit(6))) {
                    continue;
                }
                let from = match (in_place, bit(7)) {
                    (true, false) => LogitsFrom::Result,
                    (false, true) => LogitsFrom::Texture,
                    (false, false) => LogitsFrom::Buffer,
                    (true, true) => continue,
                };
                // Alignment is given only to what is there, and not where classes lie apart.
                let form = |there: bool, storage: Storage, aligned: bool| if there { Form { storage, aligned } } else { Form::NONE };
                let v = Variant {
                    unit,
                    phase,
                    elements,
                    from,
                    strided,
                    forms: Forms {
                        logits: form(kernel.reads_logits && !in_place, storage[0], bit(3)),
                        second: form(second, storage[1], bit(4)),
                        third: form(third, storage[1], bit(5)),
                        result: form(elements, storage[2], bit(6)),
                        target_result: storage[2],
                    },
                    features: Features::default(),
                };
                let own = if elements { element } else { rows };
                let any_aligned = (kernel.reads_logits && !in_place && bit(3)) || second && bit(4) || third && bit(5) || elements && bit(6);
                if own
                    && (elements || !in_place && phase != Phase::Held(4))
                    && (kernel.reads_logits || from == LogitsFrom::Buffer)
                    && (!strided || kernel.reads_logits && !any_aligned && !tile)
                {
                    variants.extend(with_features(kernel, v));
                }
            }
        }
    }
    variants
}

/// Sets a feature.
type Set = fn(&mut Features);

/// A variant with the features that its kernel can have: none, each alone, all pairs, and all of them. The number of all
/// combinations is too large for a test; parts only meet through the functions that they share, which pairs show.
fn with_features(kernel: &Kernel, plain: Variant) -> Vec<Variant> {
    let writes = kernel.parts.iter().any(|p| p.overrides.contains(&"WRITES"));
    let set: [(bool, Set); 16] = [
        (kernel.choices.contains(&Choice::Transform), |f| f.transform = Transform::Scale),
        (kernel.choices.contains(&Choice::Transform), |f| f.transform = Transform::Softcap),
        (kernel.choices.contains(&Choice::Mask), |f| f.masked = true),
        (kernel.choices.contains(&Choice::ClassWeights), |f| f.weighted = true),
        (kernel.choices.contains(&Choice::Labels), |f| f.labels = true),
        (kernel.choices.contains(&Choice::Labels), |f| f.smooths = true),
        (kernel.choices.contains(&Choice::Labels), |f| f.argmax = true),
        (kernel.choices.contains(&Choice::Labels), |f| f.rank = true),
        (kernel.choices.contains(&Choice::Labels), |f| f.entropy = true),
        (kernel.choices.contains(&Choice::States), |f| f.states = true),
        (kernel.choices.contains(&Choice::TargetGradient) && plain.elements, |f| f.target_gradient = true),
        (kernel.choices.contains(&Choice::ElementWeights), |f| f.weighted = true),
        (kernel.choices.contains(&Choice::ElementWeights), |f| f.element_weights = true),
        (kernel.choices.contains(&Choice::PosWeights), |f| f.pos_weights = true),
        (writes && plain.elements, |f| f.writes = Writes::Gradient),
        (writes && plain.elements, |f| f.writes = Writes::TargetGradient),
    ];
    let own: Vec<Set> = set.into_iter().filter(|(has, _)| *has).map(|(_, set)| set).collect();
    let with = |chosen: &[Set]| {
        let mut features = plain.features;
        chosen.iter().for_each(|set| set(&mut features));
        Variant { features, ..plain }
    };
    let mut variants = vec![with(&[]), with(&own)];
    // Features meet in the parts, which are the same however matrices are stored; pairs also whatever unit runs them.
    let Forms { logits, second, third, result, target_result } = plain.forms;
    if [logits, second, third, result].iter().all(|form| form.aligned && !form.storage.is_half())
        && !target_result.is_half()
        && plain.from == LogitsFrom::Buffer
    {
        variants.extend(own.iter().map(|&one| with(&[one])));
        if plain.unit == Unit::Thread {
            variants.extend(own.iter().enumerate().flat_map(|(i, &a)| own[..i].iter().map(move |&b| (a, b))).map(|(a, b)| with(&[a, b])));
        }
    }
    // A matrix that the features do without has no form.
    for Variant { forms, features, .. } in &mut variants {
        forms.second = if kernel.reads_second || features.labels { forms.second } else { Form::NONE };
        forms.third = if features.element_weights { forms.third } else { Form::NONE };
        forms.target_result = if features.target_gradient { forms.target_result } else { Storage::F32 };
    }
    variants
}

/// Threads and items of a workgroup, as on a GPU.
fn widths(unit: Unit) -> (u32, u32) {
    match unit {
        Unit::Thread | Unit::Tile(_) => (64, 64),
        Unit::Subgroup => (128, 4),
        Unit::Workgroup | Unit::Subgroups(_) => (256, 1),
    }
}

/// The first module of each text.
pub(super) fn distinct_texts() -> Vec<&'static Module> {
    let mut seen = HashSet::new();
    MODULES.iter().filter(|m| seen.insert(&m.source.text)).collect()
}
