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

/// The variants of a kernel that can be asked for. This is the one place for the rule:
/// - the subgroup unit, only of kernels that have a part for it;
/// - elements, only of kernels with `element()`; those that have no results of rows are never run without;
/// - in place, only with elements, and then the logits have no alignment of their own;
/// - alignment, only of matrices that are there, and not where classes lie apart;
/// - features, only those that the kernel has a choice or an output for.
pub(super) fn variants(kernel: &Kernel) -> Vec<Variant> {
    let has = |text: &str| kernel.parts.iter().any(|p| p.text.contains(text));
    let (element, rows) = (has("fn element("), has("put_row(params") || has("keep_state(row") || !kernel.reads_logits);
    let mut variants = Vec::new();
    for unit in [Unit::Thread, Unit::Workgroup, Unit::Subgroup].into_iter().filter(|&u| u != Unit::Subgroup || kernel.has_subgroups()) {
        for phase in [Phase::Whole, Phase::Partials, Phase::Finish] {
            for bits in 0..1_u32 << 7 {
                let bit = |i: u32| bits >> i & 1 == 1;
                let v = Variant {
                    storage: Storage::F32,
                    unit,
                    phase,
                    elements: bit(0),
                    in_place: bit(1),
                    logits_aligned: bit(2),
                    second_aligned: bit(3),
                    result_aligned: bit(4),
                    strided: bit(5),
                    third_aligned: bit(6),
                    features: Features::default(),
                };
                let elements = if v.elements { element } else { rows };
                let in_place = !v.in_place || v.elements && v.logits_aligned == v.result_aligned;
                let second = kernel.reads_second || kernel.choices.contains(&Choice::Labels);
                // `launch.rs` takes a matrix that is not there for aligned.
                let third = kernel.choices.contains(&Choice::ElementWeights);
                let aligned = (v.logits_aligned || kernel.reads_logits)
                    && (v.second_aligned || second)
                    && (v.third_aligned || third)
                    && (v.result_aligned || v.elements);
                let any_aligned = v.logits_aligned || second && v.second_aligned || v.elements && v.result_aligned;
                let strided = !v.strided || kernel.reads_logits && !any_aligned;
                if elements && in_place && aligned && strided {
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
    // Features meet in the parts, which are the same however matrices are aligned; pairs also whatever unit runs them.
    if plain.logits_aligned && plain.second_aligned && plain.third_aligned && plain.result_aligned && !plain.in_place {
        variants.extend(own.iter().map(|&one| with(&[one])));
        if plain.unit == Unit::Thread {
            variants.extend(own.iter().enumerate().flat_map(|(i, &a)| own[..i].iter().map(move |&b| (a, b))).map(|(a, b)| with(&[a, b])));
        }
    }
    // The second matrix has no alignment of its own where it is not there.
    variants.retain(|v| v.second_aligned || kernel.reads_second || v.features.labels);
    // Nor has the third, and where classes lie apart there is none.
    variants.retain(|v| if v.features.element_weights { !(v.strided && v.third_aligned) } else { v.third_aligned });
    variants
}

/// Threads and items of a workgroup, as on a GPU.
fn widths(unit: Unit) -> (u32, u32) {
    match unit {
        Unit::Thread => (64, 64),
        Unit::Subgroup => (128, 4),
        Unit::Workgroup => (256, 1),
    }
}

/// The first module of each text.
pub(super) fn distinct_texts() -> Vec<&'static Module> {
    let mut seen = HashSet::new();
    MODULES.iter().filter(|m| seen.insert(&m.source.text)).collect()
}
