//! Compiled pipelines, kept for the next call that asks for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::gpu::Gpu;
use crate::shader::{Access, Kernel, Slot, Source, Variant};
use crate::{Error, Result};

#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) compute: wgpu::ComputePipeline,
    pub(crate) layout: wgpu::BindGroupLayout,
    pub(crate) slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    kernel: &'static str,
    variant: Variant,
    workgroup: u32,
    items_per_group: u32,
}

/// What is compiled: the parts and the values of their overrides. Variants that differ in what a kernel has no part for agree in it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Module {
    files: Vec<&'static str>,
    constants: Vec<(&'static str, u64)>,
}

#[derive(Debug, Default)]
struct Pipelines {
    by_key: HashMap<Key, Arc<Pipeline>>,
    by_module: HashMap<Module, Arc<Pipeline>>,
}

/// How many pipelines are kept at most. Far more than a program has use for, unless it goes through all options of all operations: then
/// none of them may cost memory for ever, and software drivers need some MB for each.
const MOST: usize = 512;

#[derive(Debug)]
pub(crate) struct Cache {
    pipelines: Mutex<Pipelines>,
    most: usize,
}

impl Default for Cache {
    fn default() -> Self {
        Self { pipelines: Mutex::default(), most: MOST }
    }
}

impl Cache {
    /// The pipeline, compiled on first use. Two threads that ask at once may both compile it; one of the two is kept.
    pub(crate) fn get(&self, gpu: &Gpu, kernel: &Kernel, variant: Variant, workgroup: u32, items_per_group: u32) -> Result<Arc<Pipeline>> {
        let key = Key { kernel: kernel.name, variant, workgroup, items_per_group };
        if let Some(found) = self.lock().by_key.get(&key) {
            return Ok(Arc::clone(found));
        }
        debug_assert!(variant.is_of(kernel), "possible.rs does not know this variant of {}: {variant:?}", kernel.name);
        let source = Source::new(kernel, &variant);
        let constants = source.constants(kernel, &variant, workgroup, items_per_group);
        let module = Module { files: source.files(), constants: constants.iter().map(|&(name, value)| (name, value.to_bits())).collect() };
        let found = self.lock().by_module.get(&module).cloned();
        let made = match found {
            Some(found) => found,
            None => Arc::new(compile(gpu, kernel, &variant, &source, &constants)?),
        };
        let mut pipelines = self.lock();
        // Those in use live on. Which of the others will be asked for again, nobody knows.
        let is_full = pipelines.by_module.len() >= self.most && !pipelines.by_module.contains_key(&module);
        let forgotten = is_full.then(|| std::mem::take(&mut *pipelines));
        let kept = Arc::clone(pipelines.by_module.entry(module).or_insert(made));
        pipelines.by_key.insert(key, Arc::clone(&kept));
        drop(pipelines);
        gpu.let_go(forgotten);
        Ok(kept)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pipelines> {
        // The maps are never left half-changed, so a panic elsewhere does not spoil them.
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn compile(gpu: &Gpu, kernel: &Kernel, variant: &Variant, source: &Source, constants: &[(&str, f64)]) -> Result<Pipeline> {
    let label = format!("{}/{:?}/{:?}", kernel.name, variant.unit, variant.phase).to_lowercase();
    let slots = source.slots();
    let device = gpu.device();

    let (module, error) = gpu.scoped(0, || {
        let scope = device.push_error_scope(wgpu::ErrorFilter::Validation);
        let descriptor =
            wgpu::ShaderModuleDescriptor { label: Some(&label), source: wgpu::ShaderSource::Wgsl(source.text.as_str().into()) };
        #[cfg(test)]
        let module = crate::unchecked::module(device, descriptor);
        #[cfg(not(test))]
        let module = device.create_shader_module(descriptor);
        (module, pollster::block_on(scope.pop()))
    })?;
    if let Some(error) = error {
        return Err(shader_error(gpu, source, label, &error.to_string(), pollster::block_on(module.get_compilation_info())));
    }
    gpu.scoped(0, || {
        let entries: Vec<_> = slots.iter().map(layout_entry).collect();
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(&label), entries: &entries });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(&label),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let compute = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&label),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions { constants, zero_initialize_workgroup_memory: false },
            cache: None,
        });
        Pipeline { compute, layout, slots }
    })
    .map_err(|error| match error {
        Error::Gpu { message } => Error::Shader { pipeline: label, file: "", line: 0, message },
        other => other,
    })
}

fn layout_entry(slot: &Slot) -> wgpu::BindGroupLayoutEntry {
    let buffer = |ty| wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None };
    let ty = match slot.access {
        Access::Uniform => buffer(wgpu::BufferBindingType::Uniform),
        Access::Read => buffer(wgpu::BufferBindingType::Storage { read_only: true }),
        Access::Write => buffer(wgpu::BufferBindingType::Storage { read_only: false }),
        Access::Texture => wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Uint,
            view_dimension: wgpu::TextureViewDimension::D2,
            multisampled: false,
        },
    };
    wgpu::BindGroupLayoutEntry { binding: slot.index, visibility: wgpu::ShaderStages::COMPUTE, ty, count: None }
}

/// Names the file and line of the part at fault rather than those of the joined text.
fn shader_error(gpu: &Gpu, source: &Source, pipeline: String, text: &str, info: wgpu::CompilationInfo) -> Error {
    if let Some(lost) = gpu.lost() {
        return lost;
    }
    let message = info.messages.iter().find(|m| m.message_type == wgpu::CompilationMessageType::Error);
    let place = message.and_then(|m| m.location).map_or(("", 0), |l| source.locate(l.line_number as usize));
    let message = message.map_or_else(|| text.to_string(), |m| m.message.clone());
    Error::Shader { pipeline, file: place.0, line: place.1, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Storage;
    use crate::plan::Unit;
    use crate::shader::{Features, Form, Forms, LogitsFrom, Phase, SOFTMAX_KERNEL};

    /// What is asked for again is there, as long as there is room; then all make room, and none that is in use is lost.
    #[test]
    fn pipelines_are_kept_up_to_a_number() {
        let gpu = Gpu::new().unwrap();
        let cache = Cache { pipelines: Mutex::default(), most: 2 };
        let [logits, second, third, result] = [Form::NONE; 4];
        let variant = Variant {
            unit: Unit::Thread,
            phase: Phase::Whole,
            elements: true,
            from: LogitsFrom::Buffer,
            strided: false,
            wide: false,
            forms: Forms { logits, second, third, result, target_result: Storage::F32 },
            features: Features::default(),
        };
        let get = |workgroup| cache.get(&gpu, &SOFTMAX_KERNEL, variant, workgroup, workgroup).unwrap();
        let (first, second) = (get(32), get(64));
        assert!(Arc::ptr_eq(&first, &get(32)) && Arc::ptr_eq(&second, &get(64)));
        let third = get(128);
        assert!(Arc::ptr_eq(&third, &get(128)) && cache.lock().by_module.len() == 1 && cache.lock().by_key.len() == 1);
        let again = get(32);
        assert!(!Arc::ptr_eq(&first, &again) && Arc::ptr_eq(&again, &get(32)) && Arc::ptr_eq(&third, &get(128)));
        assert_eq!((Arc::strong_count(&first), cache.lock().by_module.len()), (1, 2));
    }
}
