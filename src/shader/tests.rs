//! Every module that the library can ask for, checked without a GPU: text, layout, bindings, overrides, all back ends.

use std::any::type_name_of_val;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::mem::offset_of;
use std::path::Path;

use bytemuck::Zeroable;
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Expression, ShaderStage, StorageAccess, TypeInner};

use super::*;
use crate::RowState;
use crate::launch::Params;
use crate::plan::STATS_BYTES;
use crate::summary::SummaryWords;
use modules::{MODULES, Module, WIDE, distinct_texts, variants};

mod back_ends;
mod fast_math;
mod modules;
mod mutations;
mod pairs;
mod written;

/// WebGPU's default for `max_storage_buffers_per_shader_stage`.
const MAX_STORAGE_BUFFERS: usize = 8;

/// Longest line in a part: rustfmt.toml's width.
const MAX_LINE: usize = 140;

fn parse(source: &Source) -> naga::Module {
    naga::front::wgsl::parse_str(&source.text).unwrap_or_else(|e| {
        let (file, line) = e.location(&source.text).map_or(("", 0), |l| source.locate(l.line_number as usize));
        panic!("{file}:{line}: {}", e.message())
    })
}

fn uses_subgroups(unit: Unit) -> bool {
    matches!(unit, Unit::Subgroup | Unit::Subgroups(_))
}

/// Validates with no capability that a plain WebGPU device lacks, but for subgroup operations.
fn validate(module: &naga::Module, unit: Unit) -> ModuleInfo {
    validate_with(module, unit, Capabilities::empty())
}

fn validate_with(module: &naga::Module, unit: Unit, given: Capabilities) -> ModuleInfo {
    validated(module, unit, given).unwrap_or_else(|e| panic!("{e}"))
}

fn validated(module: &naga::Module, unit: Unit, given: Capabilities) -> Result<ModuleInfo, String> {
    let capabilities = if uses_subgroups(unit) { given | Capabilities::SUBGROUP } else { given };
    let mut validator = Validator::new(ValidationFlags::all(), capabilities);
    if uses_subgroups(unit) {
        validator.subgroup_stages(naga::valid::ShaderStages::COMPUTE).subgroup_operations(naga::valid::SubgroupOperationSet::all());
    }
    validator.validate(module).map_err(|e| format!("{:?}", e.into_inner()))
}

fn bare(code: &str) -> String {
    code.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// Whether code calls a function of this very name.
fn calls(code: &str, name: &str) -> bool {
    code.match_indices(&format!("{name}(")).any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

fn parts_calling(name: &str) -> Vec<&'static str> {
    ALL_PARTS.iter().filter(|p| calls(&bare(p.text), name)).map(|p| p.file).collect()
}

/// Members of a WGSL struct: name, offset and type, the type in Rust's words.
fn members(module: &naga::Module, name: &str) -> (Vec<(String, usize, String)>, usize) {
    let found = module.types.iter().find(|(_, t)| t.name.as_deref() == Some(name));
    let Some(TypeInner::Struct { members, span }) = found.map(|(_, t)| &t.inner) else { panic!("no struct {name}") };
    let word = |m: &naga::StructMember| match module.types[m.ty].inner {
        TypeInner::Scalar(naga::Scalar::U32) => "u32".to_string(),
        TypeInner::Scalar(naga::Scalar::F32) => "f32".to_string(),
        ref other => format!("{other:?}"),
    };
    (members.iter().map(|m| (m.name.clone().unwrap_or_default(), m.offset as usize, word(m))).collect(), *span as usize)
}

/// The same of a Rust struct. A member that is missing here shows in the size.
macro_rules! fields {
    ($ty:ident: $($field:ident)*) => {{
        let value = $ty::zeroed();
        let fields = vec![$((stringify!($field).to_string(), offset_of!($ty, $field), type_name_of_val(&value.$field).to_string())),*];
        (fields, size_of::<$ty>())
    }};
}

#[test]
fn enumeration_is_complete() {
    println!("{} modules", MODULES.len());
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for module in MODULES.iter() {
        *count.entry(module.name.split(' ').next().unwrap_or("")).or_default() += 1;
    }
    // Every kernel in every unit that it has and every phase; what more there is follows from `variants`.
    for kernel in ALL_KERNELS {
        let units = if kernel.has_subgroups() { 3 } else { 2 };
        assert!(count.get(kernel.name).is_some_and(|&n| n >= 3 * units), "{}: {count:?}", kernel.name);
    }
    assert_eq!(count.len(), ALL_KERNELS.len(), "two kernels of one name");
    // Cross-entropy, the one with the most options: each pair of them meets in some module, and also in the few.
    let all = variants(&CROSS_ENTROPY_KERNEL);
    let sets = all.iter().map(|v| v.features).collect::<HashSet<_>>();
    assert!(sets.len() > 11 * 10 / 2, "{} sets of features", sets.len());
    let few = pairs::cover(&all);
    println!("{} of {} variants of cross-entropy cover it", few.len(), all.len());
    let masked_with = |unit: Unit, variants: &[Variant]| variants.iter().any(|v| v.features.masked && v.unit == unit);
    assert!(few.len() < all.len() / 2 && modules::UNITS.iter().all(|&unit| masked_with(unit, &few)));
}

/// What a debug build refuses to make a pipeline of.
#[test]
fn what_no_call_asks_for_is_not_possible() {
    let plain = variants(&SOFTMAX_KERNEL)[0];
    let vector = variants(&REDUCE_LOSS_KERNEL)[0];
    assert!(plain.is_of(&SOFTMAX_KERNEL) && vector.is_of(&REDUCE_LOSS_KERNEL) && !plain.is_of(&REDUCE_LOSS_KERNEL));
    let argmax = Features { argmax: true, details: true, ..Features::default() };
    let with_rank = Features { rank: true, labels: true, details: true, ..Features::default() };
    let no_details = Features { argmax: true, ..Features::default() };
    for (wrong, kernel) in [
        (Variant { unit: Unit::Subgroup, ..vector }, &REDUCE_LOSS_KERNEL),
        (Variant { features: argmax, ..vector }, &REDUCE_LOSS_KERNEL),
        (Variant { from: LogitsFrom::Texture, ..vector }, &REDUCE_LOSS_KERNEL),
        (Variant { features: argmax, ..plain }, &SOFTMAX_KERNEL),
        (Variant { phase: Phase::Held(1), ..plain }, &SOFTMAX_KERNEL),
        (Variant { phase: Phase::Held(5), unit: Unit::Workgroup, ..plain }, &SOFTMAX_KERNEL),
        (Variant { elements: false, ..plain }, &SOFTMAX_KERNEL),
        (Variant { forms: Forms { target_result: Storage::F16, ..plain.forms }, ..plain }, &SOFTMAX_KERNEL),
        (Variant { features: with_rank, ..plain }, &CROSS_ENTROPY_KERNEL),
        (Variant { features: no_details, ..plain }, &CROSS_ENTROPY_KERNEL),
    ] {
        assert!(!wrong.is_of(kernel), "{} {wrong:?}", kernel.name);
    }
}

#[test]
fn bindings_are_those_of_the_parts() {
    for m in distinct_texts() {
        let module = parse(&m.source);
        let mut found: Vec<Slot> = Vec::new();
        for (_, variable) in module.global_variables.iter() {
            let Some(binding) = variable.binding else { continue };
            assert_eq!(binding.group, 0, "{}", m.name);
            let access = match variable.space {
                AddressSpace::Handle if matches!(module.types[variable.ty].inner, TypeInner::Image { .. }) => Access::Texture,
                AddressSpace::Uniform => Access::Uniform,
                AddressSpace::Storage { access } if access == StorageAccess::LOAD => Access::Read,
                AddressSpace::Storage { access } if access == StorageAccess::LOAD | StorageAccess::STORE => Access::Write,
                other => panic!("{}: {other:?}", m.name),
            };
            found.push(Slot { index: binding.binding, access });
        }
        found.sort_unstable();
        let slots = m.source.slots();
        assert_eq!(found, slots, "{}", m.name);
        assert_eq!(slots.iter().map(|s| s.index).collect::<BTreeSet<_>>().len(), slots.len(), "{}: a number is taken twice", m.name);
        let storage = slots.iter().filter(|s| matches!(s.access, Access::Read | Access::Write)).count();
        assert!(storage <= MAX_STORAGE_BUFFERS, "{}: {storage} storage buffers", m.name);
    }
}

#[test]
fn overrides_are_those_of_the_parts() {
    for m in distinct_texts() {
        let module = parse(&m.source);
        let declared: BTreeSet<_> = module.overrides.iter().map(|(_, o)| o.name.clone().unwrap_or_default()).collect();
        let given: BTreeSet<_> = m.constants.iter().map(|&(name, _)| name.to_string()).collect();
        assert_eq!(declared, given, "{}", m.name);
        assert_eq!(given.len(), m.constants.len(), "{}: a value is given twice", m.name);
    }
}

#[test]
fn params_have_one_layout() {
    let (found, span) = members(&parse(&MODULES[0].source), "Params");
    // Rust's arrays are runs of named words in WGSL; the names of the words of `words.rs` are those of its enums.
    let names = "items grid_x rows classes quads chunks chunk_quads inner ones logits_start logits_stride second_start second_stride \
                 third_start third_stride result_start result_stride target_result_start target_result_stride mask_start mask_stride \
                 class_weights pos_weights targets row_weights row_scales upstream saved saved_sign loss lse log_prob argmax rank entropy z_loss_part \
                 status sign peak log_sum threshold needed_low needed_high row_base first_class bound ignore_index ignores mean denominator given empty_zero zero_faults top_k factor scale \
                 softcap smoothing z_loss seed_low seed_high draw \
                 first_row_low first_row_high top_p step listed";
    let names: Vec<&str> = names.split_whitespace().collect();
    assert_eq!(found.iter().map(|m| m.0.as_str()).collect::<Vec<_>>(), names);
    assert!(found.iter().enumerate().all(|(i, m)| m.1 == 4 * i), "one word behind the other");
    assert_eq!(span, size_of::<Params>());
    assert_eq!(size_of::<Params>(), 4 * names.len());
    let place = |name: &str| 4 * names.iter().position(|&n| n == name).unwrap_or(usize::MAX / 8);
    let float = |name: &str| found.iter().any(|m| m.0 == name && m.2 == "f32");
    for (name, offset) in [
        ("logits_start", offset_of!(Params, matrices)),
        ("mask_start", offset_of!(Params, mask)),
        ("class_weights", offset_of!(Params, class_inputs)),
        ("targets", offset_of!(Params, row_inputs)),
        ("loss", offset_of!(Params, row_outputs)),
        ("row_base", offset_of!(Params, row_base)),
        ("bound", offset_of!(Params, bound)),
        ("mean", offset_of!(Params, mean)),
        ("given", offset_of!(Params, given)),
        ("zero_faults", offset_of!(Params, zero_faults)),
        ("factor", offset_of!(Params, factor)),
        ("softcap", offset_of!(Params, softcap)),
        ("smoothing", offset_of!(Params, smoothing)),
        ("z_loss", offset_of!(Params, z_loss)),
        ("seed_low", offset_of!(Params, seed)),
        ("draw", offset_of!(Params, draw)),
        ("first_row_low", offset_of!(Params, first_row)),
        ("listed", offset_of!(Params, listed)),
    ] {
        assert_eq!(place(name), offset, "{name}");
    }
    assert!(["given", "factor", "scale", "softcap", "smoothing", "z_loss"].into_iter().all(float));
}

/// The struct of a module that has a part.
fn members_in(part: &Part, name: &str) -> (Vec<(String, usize, String)>, usize) {
    let module = MODULES.iter().find(|m| m.source.parts.iter().any(|p| p.file == part.file));
    members(&parse(&module.expect("a kernel with the part").source), name)
}

#[test]
fn summary_has_one_layout() {
    let expected = fields!(SummaryWords: rows valid bad bad_row bad_target weights weights_low all_weights all_weights_low denominator
        correct correct_top_k nan nan_row infinite infinite_row masked masked_row loss loss_sum loss_low loss_flags ran padding);
    assert_eq!(members_in(&SUMMARY, "Summary"), expected);
}

#[test]
fn row_state_has_one_layout() {
    let expected = fields!(RowState: max count second rest spread label_sum label_dot smooth_sum smooth_dot magnitude best target_bits ahead
        allowed flags);
    assert_eq!(members_in(&ROW_STATE, "Stats"), expected);
    assert_eq!(size_of::<RowState>() as u64, STATS_BYTES);
}

#[test]
fn statistics_fit_their_bytes() {
    let mut largest = 0;
    for m in distinct_texts() {
        let module = parse(&m.source);
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(module.to_ctx()).expect("sizes fit");
        let (handle, _) = module.types.iter().find(|(_, t)| t.name.as_deref() == Some("Stats")).expect("every module has Stats");
        let stride = u64::from(layouter[handle].to_stride());
        assert!(stride <= STATS_BYTES, "{}: Stats takes {stride} bytes of {STATS_BYTES}", m.name);
        largest = largest.max(stride);
    }
    assert_eq!(largest, STATS_BYTES, "more bytes than any Stats needs");
}

#[test]
fn constants_agree() {
    let module = parse(&MODULES[0].source);
    let (_, none) = module.constants.iter().find(|(_, c)| c.name.as_deref() == Some("NONE")).expect("NONE");
    let Expression::Literal(naga::Literal::U32(none)) = module.global_expressions[none.init] else { panic!("NONE is no u32") };
    assert_eq!(none, crate::launch::NONE);
    assert_eq!(none, crate::NO_CLASS, "what find_best() gives for a row without a largest logit");
    assert_eq!(none, crate::views::IGNORED, "an ignored row names no class either");

    let module = MODULES.iter().find(|m| m.source.parts.iter().any(|p| p.file == TEXELS.file)).expect("a module with texels");
    let module = parse(&module.source);
    let (_, across) = module.constants.iter().find(|(_, c)| c.name.as_deref() == Some("TEXELS_ACROSS")).expect("TEXELS_ACROSS");
    let Expression::Literal(naga::Literal::U32(across)) = module.global_expressions[across.init] else { panic!("no u32") };
    assert_eq!(u64::from(across), crate::texels::TEXELS_ACROSS);
}

#[test]
fn every_file_is_a_part_and_used() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let entries = fs::read_dir(folder).expect("shaders/").map(|e| e.expect("an entry").file_name());
    let files: BTreeSet<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    let parts: BTreeSet<String> = ALL_PARTS.iter().map(|p| p.file.to_string()).collect();
    assert_eq!(files, parts);
    assert_eq!(parts.len(), ALL_PARTS.len(), "a file is in two parts");
    let used: BTreeSet<String> = MODULES.iter().chain(WIDE.iter()).flat_map(|m| &m.source.parts).map(|p| p.file.to_string()).collect();
    assert_eq!(used, parts);
}

#[test]
fn every_part_is_written_to_be_read() {
    for part in ALL_PARTS {
        let first = part.text.lines().next().unwrap_or("");
        assert!(first.starts_with("// ") && first.len() > 10, "{}: the first line says what the part is", part.file);
        assert!(part.text.ends_with('\n') && part.text.is_ascii() && !part.text.contains(['\t', '\r']), "{}", part.file);
        for (i, line) in part.text.lines().enumerate() {
            let statements = bare(line).matches(';').count();
            assert!(line.len() <= MAX_LINE && (statements <= 1 || line.contains("for (")), "{}:{}: too much in a line", part.file, i + 1);
        }
        for needed in part.text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).filter(|w| w.contains(".wgsl")) {
            let needed = needed.trim_end_matches('.');
            assert!(ALL_PARTS.iter().any(|p| p.file == needed), "{} names {needed}, which is not there", part.file);
        }
    }
}

#[test]
fn barriers_stand_where_all_threads_pass() {
    // The units that are workgroups, or whose workgroups fill a tile, alone decide that all threads of a workgroup reach a barrier or
    // none: a condition on the group's number.
    assert_eq!(parts_calling("workgroupBarrier"), [UNIT_TILE.file, UNIT_WORKGROUP.file, UNIT_SUBGROUPS.file]);
    for other in ["storageBarrier", "textureBarrier", "subgroupBarrier", "workgroupUniformLoad"] {
        assert!(parts_calling(other).is_empty(), "{other}");
    }
    // What serves a row calls reduce() once, in no branch or loop: at the first level of serve().
    for part in [&WHOLE_ROW, &SHORT_ROW, &KEPT_ROW, &HELD_ROW, &SPLIT_PARTIALS, &SPLIT_FINISH] {
        let code = bare(part.text);
        let lines: Vec<&str> = code.lines().filter(|l| calls(l, "reduce")).collect();
        assert!(lines.len() == 1 && lines[0].starts_with("    let "), "{}: {lines:?}", part.file);
        let (_, serve) = code.split_once("fn serve(").expect("it serves");
        assert!(!serve.contains("return"), "{}: a return before reduce()", part.file);
    }
    assert_eq!(parts_calling("serve").len(), 13, "the five units call it, the eight strategies define it");
}

#[test]
fn no_builtin_whose_error_depends_on_the_adapter() {
    for name in ["exp", "exp2", "log", "log2", "pow", "tanh", "sqrt", "inverseSqrt"] {
        assert_eq!(parts_calling(name), [""; 0], "{name}: numerics.wgsl has its own");
    }
}

#[test]
fn locate_names_the_line_of_the_part() {
    for m in distinct_texts() {
        let mut files = Vec::new();
        for (i, line) in m.source.text.split('\n').enumerate() {
            let (file, at) = m.source.locate(i + 1);
            let part = m.source.parts.iter().find(|p| p.file == file).unwrap_or_else(|| panic!("{}: line {}", m.name, i + 1));
            assert_eq!(part.text.split('\n').nth(at - 1), Some(line), "{}: line {} is not {file}:{at}", m.name, i + 1);
            if files.last() != Some(&file) {
                files.push(file);
                assert_eq!(at, 1, "{}: {file} starts with its first line", m.name);
            }
        }
        assert!(files.iter().eq(m.source.parts.iter().map(|p| &p.file)), "{}", m.name);
        assert_eq!(m.source.locate(m.source.text.split('\n').count() + 1), ("", 0), "{}", m.name);
    }
}

#[test]
fn locate_finds_an_error_in_a_middle_part() {
    let module = &MODULES[0];
    let line_of = |text: &str, code: &str| text.lines().position(|l| l.starts_with(code)).map(|i| i + 1).expect("the code is there");
    let at = line_of(&module.source.text, "fn exp4(");
    let expected = (NUMERICS.file, line_of(NUMERICS.text, "fn exp4("));
    assert_eq!(module.source.locate(at), expected);
    assert_eq!(module.source.locate(1), (PARAMS.file, 1));

    // As the compiler reports it.
    let broken = module.source.text.replacen("fn exp4(", "fn exp4(?", 1);
    let error = naga::front::wgsl::parse_str(&broken).expect_err("broken");
    let place = error.location(&broken).expect("a place");
    assert_eq!(module.source.locate(place.line_number as usize), expected);
}
