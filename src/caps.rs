//! The facts about an adapter that planning needs, as plain numbers, and the public description of an adapter.

use crate::plan::{Strategy, Unit};
use crate::quirks::{Avoid, Quirk, quirks_of};

/// Threads of a workgroup that serve rows by themselves, on a CPU adapter: one core computes them. 64 and 128 gained 1 to 4 % at 16384 x 128, and
/// leave cores idle where rows are few (docs/decisions/0020).
pub(crate) const CPU_WORKGROUP: u32 = 32;

/// The threads that keep a GPU busy: about a quarter of those that an H100 holds (132 multiprocessors with 2048 each). Not measured.
const GPU_BUSY_THREADS: u32 = 65_536;

/// The cores that this process may use; as many as desktops have where the system does not say.
fn cores() -> u32 {
    std::thread::available_parallelism().map_or(8, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
}

/// What an adapter can do, in the numbers that a [`Plan`](crate::Plan) is chosen from.
///
/// Plain data: tests plan for adapters that are not there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caps {
    /// Whether it runs on the CPU: barriers are slow there, lanes cheap.
    pub cpu: bool,
    /// The smallest and largest subgroup, if shaders may use subgroup operations.
    pub subgroup: Option<(u32, u32)>,
    /// The most threads of a workgroup.
    pub max_workgroup: u32,
    /// The most bytes that a workgroup's threads share.
    pub max_workgroup_bytes: u32,
    /// The most workgroups along one dimension of a dispatch.
    pub max_groups: u32,
    /// The most bytes of one storage binding.
    pub max_binding: u64,
    /// The most bytes of one buffer.
    pub max_buffer: u64,
    /// The alignment of a binding's offset, in bytes.
    pub alignment: u64,
    /// The most loop iterations of one thread, all its loops together.
    pub max_loop_trips: u32,
    /// How many threads keep the adapter busy: rows are split when there are fewer lanes at work. On an adapter that is the CPU it follows
    /// from the cores that this process may use.
    pub busy_threads: u32,
    /// The most texels along a side of a texture.
    pub max_texture: u32,
    /// Whether logits are read faster from a texture than from a buffer, the copy to it included.
    pub texture_reads: bool,
    /// Whether quads of a matrix are read and written as words of 64 bits, which is faster where memory is gone through word by word.
    pub wide_words: bool,
    /// Whether plans are not to depend on the number of rows: see [`with_batch_invariance`](Self::with_batch_invariance).
    pub batch_invariant: bool,
    /// What plans do without: what the [quirks](crate::QUIRKS) of the adapter say, and what was added by hand.
    pub avoided: Vec<Avoid>,
}

impl Caps {
    /// The facts of a device, less what its [quirks](crate::QUIRKS) forbid.
    #[must_use]
    pub fn of(info: &wgpu::AdapterInfo, features: wgpu::Features, limits: &wgpu::Limits) -> Self {
        let cpu = info.device_type == wgpu::DeviceType::Cpu;
        let subgroup = features.contains(wgpu::Features::SUBGROUP).then(|| {
            let smallest = info.subgroup_min_size.max(1);
            (smallest, info.subgroup_max_size.max(smallest))
        });
        let caps = Self {
            cpu,
            subgroup,
            max_workgroup: limits.max_compute_invocations_per_workgroup.min(limits.max_compute_workgroup_size_x),
            max_workgroup_bytes: limits.max_compute_workgroup_storage_size,
            max_groups: limits.max_compute_workgroups_per_dimension,
            max_binding: limits.max_storage_buffer_binding_size,
            max_buffer: limits.max_buffer_size,
            alignment: u64::from(limits.min_storage_buffer_offset_alignment),
            max_loop_trips: u32::MAX,
            busy_threads: if cpu { CPU_WORKGROUP.saturating_mul(cores()) } else { GPU_BUSY_THREADS },
            max_texture: limits.max_texture_dimension_2d,
            texture_reads: is_llvmpipe(info) && !has_avx512(),
            wide_words: features.intersects(wide_words(info)),
            batch_invariant: false,
            avoided: Vec::new(),
        };
        let avoided: Vec<Avoid> = quirks_of(info).flat_map(|quirk| quirk.avoid).copied().collect();
        caps.avoiding(&avoided)
    }

    /// The same without some things.
    #[must_use]
    pub fn avoiding(&self, avoid: &[Avoid]) -> Self {
        let mut caps = self.clone();
        caps.avoided.extend(avoid.iter().filter(|avoid| !self.avoided.contains(avoid)));
        for avoid in avoid {
            match *avoid {
                Avoid::Subgroups => caps.subgroup = None,
                Avoid::TextureReads => caps.texture_reads = false,
                Avoid::WideWords => caps.wide_words = false,
                Avoid::LoopTrips(trips) => caps.max_loop_trips = caps.max_loop_trips.min(trips),
                Avoid::Strategy(_) => {}
            }
        }
        caps
    }

    /// Whether plans do without a strategy.
    pub(crate) fn avoids(&self, strategy: Strategy) -> bool {
        self.avoided.contains(&Avoid::Strategy(strategy))
    }

    /// The strategy, or if it is avoided the nearest that is not: of the same unit, else of what is fast on such an adapter. The strategy
    /// itself if all are avoided.
    pub(crate) fn instead_of(&self, strategy: Strategy, subgroups: bool) -> Strategy {
        if !self.avoids(strategy) {
            return strategy;
        }
        let can_serve = |s: &Strategy| s.unit() != Unit::Subgroup || (subgroups && self.subgroup.is_some());
        // Where rows do not fit these, they are the kernels of another strategy.
        let is_other = |s: &Strategy| matches!(s, Strategy::Tile | Strategy::Held);
        let others =
            Strategy::ALL.into_iter().filter(|s| s.is_split() == strategy.is_split() && !self.avoids(*s) && can_serve(s) && !is_other(s));
        let order = |s: &Strategy| {
            let order = if self.cpu { [Unit::Thread, Unit::Subgroup] } else { [Unit::Workgroup, Unit::Subgroup] };
            (s.unit() != strategy.unit(), order.iter().position(|unit| *unit == s.unit()).unwrap_or(order.len()))
        };
        others.min_by_key(order).unwrap_or(strategy)
    }

    /// The same adapter, for which the strategy, the widths and the chunks of a row are chosen as if rows were plenty, however many
    /// there are. Where a driver may choose the size of a subgroup for each pipeline, it does without subgroups: the lanes of a row
    /// would be anyone's guess.
    #[must_use]
    pub fn with_batch_invariance(self) -> Self {
        Self { subgroup: self.subgroup.filter(|(smallest, largest)| smallest == largest), batch_invariant: true, ..self }
    }

    /// Whether textures may be faster, which depends on the CPU: [`Gpu::tune`](crate::Gpu::tune) finds out. What may be chosen is tested,
    /// on whatever CPU.
    #[must_use]
    pub fn may_read_textures(&self) -> bool {
        self.cpu && !self.avoided.contains(&Avoid::TextureReads)
    }

    /// The same adapter, with all logits read through a texture, unless that is avoided, or none.
    pub(crate) fn with_texture_reads(&self, texture_reads: bool) -> Self {
        Self { texture_reads: texture_reads && !self.avoided.contains(&Avoid::TextureReads), ..self.clone() }
    }
}

fn is_llvmpipe(info: &wgpu::AdapterInfo) -> bool {
    info.device_type == wgpu::DeviceType::Cpu && info.name.starts_with("llvmpipe")
}

/// The feature that words of 64 bits need, of adapters that are faster with them: see `docs/decisions/0017-words-of-64-bits.md`.
pub(crate) fn wide_words(info: &wgpu::AdapterInfo) -> wgpu::Features {
    if is_llvmpipe(info) { wgpu::Features::SHADER_INT64 } else { wgpu::Features::empty() }
}

/// Whether the CPU, which llvmpipe compiles for, has vectors of 512 bits. Without them it reads buffers lane by lane, number by number, and
/// textures in whole vectors; with them buffers are faster: see `docs/decisions/0010-logits-through-a-texture.md`.
fn has_avx512() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512f");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// An adapter that a [`Gpu`](crate::Gpu) can be opened on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AdapterDescription {
    /// Its place in [`Gpu::adapters`](crate::Gpu::adapters).
    pub index: usize,
    /// Name, driver, backend, type and subgroup sizes.
    pub info: wgpu::AdapterInfo,
    /// The features it offers.
    pub features: wgpu::Features,
    /// Its limits.
    pub limits: wgpu::Limits,
}

impl AdapterDescription {
    /// Whether it runs on the CPU.
    #[must_use]
    pub fn is_software(&self) -> bool {
        self.info.device_type == wgpu::DeviceType::Cpu
    }

    /// What is known to be wrong with it.
    pub fn quirks(&self) -> impl Iterator<Item = &'static Quirk> {
        quirks_of(&self.info)
    }

    /// The numbers that plans are chosen from, if all features are granted.
    #[must_use]
    pub fn caps(&self) -> Caps {
        Caps::of(&self.info, self.features, &self.limits)
    }
}

impl std::fmt::Display for AdapterDescription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", describe(&self.info))
    }
}

/// One line that names an adapter and does not hide that it is software.
pub(crate) fn describe(info: &wgpu::AdapterInfo) -> String {
    let driver = [info.driver.as_str(), info.driver_info.as_str()].join(" ");
    format!("{} ({:?}, {:?}, {})", info.name, info.backend, info.device_type, driver.trim())
}
