//! The modules that the library can ask for.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::super::*;
use super::pairs;
use crate::shader::features::Choice;

/// A module with the values of its overrides. Pipelines that agree in both are listed once.
pub(super) struct Module {
    pub(super) name: String,
    pub(super) unit: Unit,
    pub(super) source: Source,
    pub(super) constants: Vec<(&'static str, f64)>,
}

impl Module {
    fn new(kernel: &'static Kernel, variant: &Variant) -> Self {
        let source = Source::new(kernel, variant);
        let (workgroup, items) = widths(variant.unit);
        let constants = source.constants(kernel, variant, workgroup, items);
        Self { name: format!("{} {variant:?}", kernel.name), unit: variant.unit, source, constants }
    }
}

/// The modules of some variants of every kernel, each once.
fn modules_of(variants: impl Fn(&Kernel) -> Vec<Variant>) -> Vec<Module> {
    let mut seen = HashSet::new();
    let modules = ALL_KERNELS.iter().flat_map(|&kernel| variants(kernel).into_iter().map(move |v| Module::new(kernel, &v)));
    modules.filter(|m| seen.insert((m.source.text.clone(), format!("{:?}", m.constants)))).collect()
}

/// Modules of all variants below.
pub(super) static MODULES: LazyLock<Vec<Module>> = LazyLock::new(|| modules_of(variants));

/// Fewer of them, in which the same choices meet: for what takes long.
pub(super) fn covering() -> Vec<Module> {
    modules_of(|kernel| pairs::cover(&variants(kernel)))
}

/// As few, whose quads are words of 64 bits.
pub(super) static WIDE: LazyLock<Vec<Module>> = LazyLock::new(|| {
    modules_of(|kernel| {
        let mut variants: Vec<_> = variants(kernel).into_iter().map(|v| Variant { wide: true, ..v }).collect();
        variants.retain(|v| v.is_of(kernel));
        pairs::cover(&variants)
    })
});

/// Storages of the logits, of the other inputs, and of the results. Those of 16 bits differ only in the values of overrides.
const STORAGES: [[Storage; 3]; 4] = [
    [Storage::F32, Storage::F32, Storage::F32],
    [Storage::F16, Storage::Bf16, Storage::F16],
    [Storage::Bf16, Storage::F32, Storage::F32],
    [Storage::F32, Storage::F32, Storage::Bf16],
];

/// Variants of a kernel: all ways to store its matrices, options and units alone and together with some others, and after these
/// what it takes for every pair of choices that the rule of `possible.rs` allows to meet in one of them. All combinations are too many
/// for a test; parts only meet through the functions that they share, which pairs show.
pub(super) fn variants(kernel: &Kernel) -> Vec<Variant> {
    let mut variants = Vec::new();
    for unit in UNITS {
        // The numbers of classes and blocks are values of an override: the others come with the pairs.
        for phase in [
            Phase::Whole,
            Phase::Short(10),
            Phase::Kept(11),
            Phase::Held(4),
            Phase::Partials,
            Phase::Finish,
            Phase::Given,
            Phase::GivenShort(7),
        ] {
            // Matrices are read and written in the same way by every unit and in every phase: one of each is enough for the other
            // storages, for textures, and for matrices of which only some are aligned. Two elements at once come with the pairs.
            let all = unit == Unit::Thread && phase == Phase::Whole;
            let (storages, bits) = if all { (&STORAGES[..], 8) } else { (&STORAGES[..1], 7) };
            for (storage, bits) in storages.iter().flat_map(|storage| (0..1_u32 << bits).map(move |bits| (storage, bits))) {
                let bit = |i: u32| bits >> i & 1 == 1;
                let from = match (bit(1), bit(7)) {
                    (true, false) => LogitsFrom::Result,
                    (false, true) => LogitsFrom::Texture,
                    (false, false) => LogitsFrom::Buffer,
                    (true, true) => continue,
                };
                if !all && !(bit(3) && bit(4) && bit(5) && bit(6) || !(bit(3) || bit(4) || bit(5) || bit(6))) {
                    continue;
                }
                let form = |storage: Storage, aligned: bool| Form { storage, at_once: if aligned { AtOnce::Four } else { AtOnce::One } };
                let plain = Variant {
                    unit,
                    phase,
                    elements: bit(0),
                    from,
                    strided: bit(2),
                    wide: false,
                    forms: Forms {
                        logits: form(storage[0], bit(3)),
                        second: form(storage[1], bit(4)),
                        third: form(storage[1], bit(5)),
                        result: form(storage[2], bit(6)),
                        target_result: storage[2],
                    },
                    features: Features::default(),
                };
                variants.extend(with_features(kernel, plain));
            }
        }
    }
    variants.retain(|v| v.is_of(kernel));
    pairs::complete(kernel, &mut variants);
    variants
}

pub(super) const UNITS: [Unit; 5] = [Unit::Thread, Unit::Tile(4096), Unit::Workgroup, Unit::Subgroup, Unit::Subgroups(8)];
pub(super) const PHASES: [Phase; 18] = [
    Phase::Whole,
    Phase::Short(1),
    Phase::Short(6),
    Phase::Short(11),
    Phase::Short(16),
    Phase::Kept(5),
    Phase::Kept(18),
    Phase::Kept(32),
    Phase::Held(1),
    Phase::Held(2),
    Phase::Held(3),
    Phase::Held(4),
    Phase::Partials,
    Phase::Finish,
    Phase::Given,
    Phase::GivenShort(4),
    Phase::GivenShort(9),
    Phase::GivenShort(14),
];

/// Sets a feature.
type Set = fn(&mut Features);

/// A variant with the features that its kernel can have: none, each alone, all pairs, and all of them. The number of all
/// combinations is too large for a test; parts only meet through the functions that they share, which pairs show.
fn with_features(kernel: &Kernel, plain: Variant) -> Vec<Variant> {
    let writes = kernel.overrides("WRITES");
    let set: [(bool, Set); 18] = [
        (kernel.choices.contains(&Choice::Transform), |f| f.transform = Transform::Scale),
        (kernel.choices.contains(&Choice::Transform), |f| f.transform = Transform::Softcap),
        (kernel.choices.contains(&Choice::Mask), |f| f.masked = true),
        (kernel.choices.contains(&Choice::ClassWeights), |f| f.weighted = true),
        (kernel.choices.contains(&Choice::Labels), |f| f.labels = true),
        (kernel.choices.contains(&Choice::Labels), |f| f.smooths = true),
        (kernel.choices.contains(&Choice::Labels), |f| (f.argmax, f.details) = (true, true)),
        (kernel.choices.contains(&Choice::Labels), |f| (f.rank, f.details) = (true, true)),
        (kernel.choices.contains(&Choice::Labels), |f| (f.entropy, f.details) = (true, true)),
        (kernel.overrides("DETAILS"), |f| f.details = true),
        (kernel.overrides("ROW_FACTORS"), |f| f.row_factors = true),
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
    if [logits, second, third, result].iter().all(|form| form.at_once == AtOnce::Four && !form.storage.is_half())
        && !target_result.is_half()
        && plain.from == LogitsFrom::Buffer
    {
        variants.extend(own.iter().map(|&one| with(&[one])));
        if plain.unit == Unit::Thread {
            variants.extend(own.iter().enumerate().flat_map(|(i, &a)| own[..i].iter().map(move |&b| (a, b))).map(|(a, b)| with(&[a, b])));
        }
    }
    variants.into_iter().map(|variant| trimmed(kernel, variant)).collect()
}

/// Without the forms of matrices that are not there.
pub(super) fn trimmed(kernel: &Kernel, mut v: Variant) -> Variant {
    let Variant { forms, features, from, elements, .. } = &mut v;
    let there = [
        (kernel.reads_logits && *from != LogitsFrom::Result, &mut forms.logits),
        (kernel.reads_second || features.labels, &mut forms.second),
        (features.element_weights, &mut forms.third),
        (*elements, &mut forms.result),
    ];
    for (there, form) in there {
        *form = if there { *form } else { Form::NONE };
    }
    forms.target_result = if features.target_gradient { forms.target_result } else { Storage::F32 };
    v
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
