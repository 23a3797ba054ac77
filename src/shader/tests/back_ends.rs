//! What the compilers behind wgpu take: every module is valid, and every back end can write it.

use naga::back::{PipelineConstants, glsl, hlsl, msl, pipeline_constants::process_overrides, spv};

use super::*;

#[test]
fn every_module_is_valid_and_lowers_to_every_back_end() {
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        for modules in MODULES.chunks(MODULES.len().div_ceil(threads)) {
            scope.spawn(|| modules.iter().for_each(lower));
        }
    });
}

/// With the values of its overrides in it.
pub(super) fn resolved(m: &Module) -> (naga::Module, ModuleInfo) {
    resolved_with(m, Capabilities::empty())
}

fn resolved_with(m: &Module, given: Capabilities) -> (naga::Module, ModuleInfo) {
    let module = parse(&m.source);
    let info = validate_with(&module, m.unit, given);
    let constants: PipelineConstants = m.constants.iter().map(|&(name, value)| (name.to_string(), value)).collect();
    let resolved = process_overrides(&module, &info, Some((ShaderStage::Compute, "main")), &constants);
    let (module, info) = resolved.unwrap_or_else(|e| panic!("{}: {e:?}", m.name));
    (module.into_owned(), info.into_owned())
}

/// As Metal's shading language.
pub(super) fn metal(m: &Module, module: &naga::Module, info: &ModuleInfo) -> String {
    let options = msl::Options { lang_version: (2, 4), ..Default::default() };
    let pipeline = msl::PipelineOptions { entry_point: Some((ShaderStage::Compute, "main".into())), ..Default::default() };
    let (text, written) = msl::write_string(module, info, &options, &pipeline).unwrap_or_else(|e| panic!("MSL, {}: {e}", m.name));
    assert!(written.entry_point_names.iter().all(Result::is_ok), "MSL, {}: {:?}", m.name, written.entry_point_names);
    text
}

/// As SPIR-V.
fn spirv(m: &Module, module: &naga::Module, info: &ModuleInfo) {
    let options = spv::Options { lang_version: (1, 3), ..Default::default() };
    let pipeline = spv::PipelineOptions { shader_stage: ShaderStage::Compute, entry_point: "main".into() };
    let words = spv::write_vec(module, info, &options, Some(&pipeline));
    assert!(!words.unwrap_or_else(|e| panic!("SPIR-V, {}: {e}", m.name)).is_empty());
}

fn lower(m: &Module) {
    let (module, info) = resolved(m);
    let stage = ShaderStage::Compute;
    let entry = || "main".to_string();

    spirv(m, &module, &info);

    fast_math::check(m, &metal(m, &module, &info));

    let options = hlsl::Options { shader_model: hlsl::ShaderModel::V6_2, ..Default::default() };
    let pipeline = hlsl::PipelineOptions { entry_point: Some((stage, entry())) };
    let mut text = String::new();
    let written = hlsl::Writer::new(&mut text, &options, &pipeline).write(&module, &info, None);
    let names = written.unwrap_or_else(|e| panic!("HLSL, {}: {e}", m.name)).entry_point_names;
    assert!(names.iter().all(Result::is_ok), "HLSL, {}: {names:?}", m.name);

    // GL has no subgroups in wgpu.
    if !uses_subgroups(m.unit) {
        let options = glsl::Options { version: glsl::Version::new_gles(310), ..Default::default() };
        let pipeline = glsl::PipelineOptions { shader_stage: stage, entry_point: entry(), multiview: None };
        let mut text = String::new();
        glsl::Writer::new(&mut text, &module, &info, &options, &pipeline, naga::proc::BoundsCheckPolicies::default())
            .and_then(|mut w| w.write())
            .unwrap_or_else(|e| panic!("GLSL, {}: {e}", m.name));
    }
}

/// They are for Vulkan alone, and nothing but their 64 bits sets them apart.
#[test]
fn words_of_64_bits_are_valid() {
    assert!(WIDE.len() > ALL_KERNELS.len());
    for m in WIDE.iter() {
        let (module, info) = resolved_with(m, Capabilities::SHADER_INT64);
        spirv(m, &module, &info);
        assert!(validated(&parse(&m.source), m.unit, Capabilities::empty()).is_err(), "{}", m.name);
    }
}

#[test]
fn only_units_of_subgroups_need_subgroups() {
    for m in distinct_texts() {
        let plain = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&parse(&m.source));
        assert_eq!(plain.is_err(), uses_subgroups(m.unit), "{}", m.name);
    }
}

/// FXC, which compiles for DX12 where there is no other, refuses to assign to one.
#[test]
fn no_element_of_a_vector_of_a_function_is_chosen_at_run_time() {
    for m in distinct_texts() {
        let module = parse(&m.source);
        let entries = module.entry_points.iter().map(|entry| &entry.function);
        for function in module.functions.iter().map(|(_, function)| function).chain(entries) {
            let is_vector = |base| match function.expressions[base] {
                Expression::LocalVariable(variable) => {
                    matches!(module.types[function.local_variables[variable].ty].inner, TypeInner::Vector { .. })
                }
                _ => false,
            };
            let chosen = function.expressions.iter().any(|(_, e)| matches!(*e, Expression::Access { base, .. } if is_vector(base)));
            assert!(!chosen, "{}: {:?}", m.name, function.name);
        }
    }
}
