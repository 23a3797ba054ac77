//! What the benches share: arguments, adapters, small compute kernels, timing, and records of results.

pub(crate) mod record;

use std::borrow::Cow;

use wgpu::BufferUsages as Usage;
use wgpu_xent::{AdapterChoice, Gpu};

/// What the command line says.
#[derive(Debug, Default)]
pub(crate) struct Args {
    /// One adapter only, by its place or a part of its name.
    adapter: Option<AdapterChoice>,
    /// Little and short, to see that everything runs.
    pub(crate) quick: bool,
    /// Whether results are written below `benches/results`.
    pub(crate) save: bool,
    /// Whether to compare the strategies with each other.
    pub(crate) strategies: bool,
    /// Only what has this in its name.
    pub(crate) only: Option<String>,
}

impl Args {
    /// From the command line; says what is possible and exits if it makes no sense.
    pub(crate) fn parse() -> Self {
        Self::from(std::env::args().skip(1)).unwrap_or_else(|problem| {
            fail(&format!("{problem}\noptions: [--adapter NAME|INDEX|all] [--quick] [--save] [--strategies] [TEXT: only what is named so]"))
        })
    }

    fn from(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self::default();
        while let Some(word) = words.next() {
            match word.as_str() {
                // What cargo passes to every bench.
                "--bench" => {}
                "--quick" => args.quick = true,
                "--save" => args.save = true,
                "--strategies" => args.strategies = true,
                "--adapter" => args.adapter = choice(&words.next().ok_or("--adapter needs a name, an index or all")?),
                option if option.starts_with('-') => return Err(format!("unknown option {option}")),
                _ => args.only = Some(word),
            }
        }
        if args.save && (args.quick || args.only.is_some()) {
            return Err("--save is for whole runs".into());
        }
        Ok(args)
    }

    /// The adapters asked for, opened.
    pub(crate) fn gpus(&self) -> Vec<Gpu> {
        let choices = match &self.adapter {
            Some(choice) => vec![choice.clone()],
            None => Gpu::adapters().iter().map(|a| AdapterChoice::Index(a.index)).collect(),
        };
        let gpus: Vec<Gpu> = choices.iter().map(|c| Gpu::open(c).unwrap_or_else(|e| fail(&e.to_string()))).collect();
        if gpus.is_empty() {
            fail("no adapter; a software one comes with the package mesa-vulkan-drivers");
        }
        gpus
    }

    /// Whether something of this name is asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only))
    }
}

fn choice(word: &str) -> Option<AdapterChoice> {
    match word {
        "all" => None,
        _ => Some(word.parse().map_or_else(|_| AdapterChoice::Name(word.into()), AdapterChoice::Index)),
    }
}

/// Ends the program with a word to the user.
pub(crate) fn fail(problem: &str) -> ! {
    eprintln!("{problem}");
    std::process::exit(1);
}

/// Seeded numbers: the same data in every run.
pub(crate) struct Random(u64);

impl Random {
    /// From a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in `0 .. 1` (splitmix64).
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A buffer for any use but mapping, a whole number of quads long.
pub(crate) fn buffer(gpu: &Gpu, bytes: u64) -> wgpu::Buffer {
    let usage = Usage::STORAGE | Usage::UNIFORM | Usage::COPY_SRC | Usage::COPY_DST;
    let size = bytes.next_multiple_of(16).max(16);
    gpu.device().create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
}

/// [`buffer`] that holds values.
pub(crate) fn filled<T: bytemuck::NoUninit>(gpu: &Gpu, values: &[T]) -> wgpu::Buffer {
    let made = buffer(gpu, size_of_val(values) as u64);
    gpu.queue().write_buffer(&made, 0, bytemuck::cast_slice(values));
    made
}

/// Shows `count` values of a buffer, once everything submitted is done.
pub(crate) fn read<T>(gpu: &Gpu, from: &wgpu::Buffer, count: usize, see: impl FnOnce(&[f32]) -> T) -> T {
    let bytes = count as u64 * 4;
    let usage = Usage::MAP_READ | Usage::COPY_DST;
    let staging = gpu.device().create_buffer(&wgpu::BufferDescriptor { label: None, size: bytes, usage, mapped_at_creation: false });
    let mut encoder = encoder(gpu);
    encoder.copy_buffer_to_buffer(from, 0, &staging, 0, bytes);
    run(gpu, encoder);
    staging.map_async(wgpu::MapMode::Read, .., |mapped| mapped.expect("a staging buffer can be mapped"));
    wait(gpu);
    let view = staging.get_mapped_range(..).expect("it was mapped");
    see(bytemuck::cast_slice(&view))
}

/// A new encoder.
pub(crate) fn encoder(gpu: &Gpu) -> wgpu::CommandEncoder {
    gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
}

fn wait(gpu: &Gpu) {
    gpu.device().poll(wgpu::PollType::wait_indefinitely()).expect("the device is there");
}

/// Submits and waits; the milliseconds that took.
pub(crate) fn run(gpu: &Gpu, encoder: wgpu::CommandEncoder) -> f64 {
    let commands = encoder.finish();
    let start = std::time::Instant::now();
    gpu.queue().submit([commands]);
    wait(gpu);
    start.elapsed().as_secs_f64() * 1e3
}

/// A compute kernel of a bench: entry point `main`.
pub(crate) struct Kernel {
    pipeline: wgpu::ComputePipeline,
}

impl Kernel {
    /// Compiles it.
    pub(crate) fn new(gpu: &Gpu, label: &str, source: &str, constants: &[(&str, f64)]) -> Self {
        let source = wgpu::ShaderSource::Wgsl(Cow::Borrowed(source));
        let module = gpu.device().create_shader_module(wgpu::ShaderModuleDescriptor { label: Some(label), source });
        let pipeline = gpu.device().create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(label),
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions { constants, ..Default::default() },
            cache: None,
        });
        Self { pipeline }
    }

    /// The buffers at bindings 0, 1, ..
    pub(crate) fn bind(&self, gpu: &Gpu, bindings: &[wgpu::BufferBinding<'_>]) -> wgpu::BindGroup {
        let numbered = bindings.iter().cloned().map(wgpu::BindingResource::Buffer).enumerate();
        let entries: Vec<_> = numbered.map(|(i, resource)| wgpu::BindGroupEntry { binding: i as u32, resource }).collect();
        let layout = self.pipeline.get_bind_group_layout(0);
        gpu.device().create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout: &layout, entries: &entries })
    }

    /// Records a dispatch.
    pub(crate) fn record(&self, encoder: &mut wgpu::CommandEncoder, group: &wgpu::BindGroup, grid: (u32, u32)) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, group, &[]);
        pass.dispatch_workgroups(grid.0, grid.1, 1);
    }
}

/// Workgroups for so many threads, folded where an adapter allows too few along x.
pub(crate) fn grid(gpu: &Gpu, threads: u64, workgroup: u32) -> (u32, u32) {
    let groups = threads.div_ceil(u64::from(workgroup)).max(1);
    let y = groups.div_ceil(u64::from(gpu.caps().max_groups));
    (groups.div_ceil(y) as u32, y as u32)
}
