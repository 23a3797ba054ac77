//! What some adapters get wrong, and what plans do without because of it: a table, with a version, that callers can add to.

use std::fmt;
use std::str::FromStr;

use crate::plan::Strategy;
use crate::{Error, Result};

/// Something that plans do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Avoid {
    /// Subgroup operations.
    Subgroups,
    /// Logits read through a texture.
    TextureReads,
    /// Words of 64 bits in shaders.
    WideWords,
    /// More loop iterations of one thread than this, all its loops together.
    LoopTrips(u32),
    /// A strategy; another one serves the rows. Forced all the same, it is refused.
    Strategy(Strategy),
}

impl fmt::Display for Avoid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subgroups => f.write_str("subgroups"),
            Self::TextureReads => f.write_str("texture-reads"),
            Self::WideWords => f.write_str("wide-words"),
            Self::LoopTrips(trips) => write!(f, "loop-trips={trips}"),
            Self::Strategy(strategy) => strategy.fmt(f),
        }
    }
}

impl FromStr for Avoid {
    type Err = Error;

    /// As [`Display`](fmt::Display) writes it: `subgroups`, `texture-reads`, `wide-words`, `loop-trips=65000`, or the name of a strategy. The
    /// strategy `subgroup` is not `subgroups`: workgroups use subgroup operations too.
    fn from_str(text: &str) -> Result<Self> {
        let strategy = || Strategy::ALL.into_iter().find(|strategy| strategy.to_string() == text).map(Self::Strategy);
        let trips = || text.strip_prefix("loop-trips=")?.parse().ok().filter(|&trips: &u32| trips > 0).map(Self::LoopTrips);
        let found = match text {
            "subgroups" => Some(Self::Subgroups),
            "texture-reads" => Some(Self::TextureReads),
            "wide-words" => Some(Self::WideWords),
            _ => strategy().or_else(trips),
        };
        found.ok_or_else(|| {
            let strategies = Strategy::ALL.map(|strategy| strategy.to_string()).join(", ");
            Error::Options(format!("\"{text}\" is none of subgroups, texture-reads, wide-words, loop-trips=N, {strategies}"))
        })
    }
}

/// A known fault of an adapter, or of its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quirk {
    /// A short name.
    pub name: &'static str,
    /// The version of the table that it came with: [`QUIRKS_VERSION`] at the time.
    pub since: u32,
    /// What the adapter's name contains, in any case.
    pub adapter: &'static str,
    /// What its driver's name or version contains, in any case; empty for all drivers.
    pub driver: &'static str,
    /// The backend, if it is not all of them.
    pub backend: Option<wgpu::Backend>,
    /// What is wrong.
    pub wrong: &'static str,
    /// How that is known.
    pub evidence: &'static str,
    /// What plans do without; empty where the kernels are written so that it does not matter.
    pub avoid: &'static [Avoid],
}

impl Quirk {
    /// Whether an adapter has it.
    #[must_use]
    pub fn applies(&self, info: &wgpu::AdapterInfo) -> bool {
        let contains = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
        contains(&info.name, self.adapter)
            && (contains(&info.driver, self.driver) || contains(&info.driver_info, self.driver))
            && self.backend.is_none_or(|backend| backend == info.backend)
    }
}

/// The version of [`QUIRKS`]: it grows with every change of what an entry avoids, or of what it applies to.
pub const QUIRKS_VERSION: u32 = 1;

/// All known quirks.
pub const QUIRKS: &[Quirk] = &[
    Quirk {
        name: "llvmpipe ends long loops",
        since: 1,
        adapter: "llvmpipe",
        driver: "",
        backend: None,
        wrong: "a thread's loops end after 65,535 iterations, all of them together, without an error: long rows would lose their end",
        evidence: "Mesa's LP_MAX_TGSI_LOOP_ITERATIONS; measured through Vulkan and OpenGL, Mesa 22.3.6, 2026-11-21: a row of 1,000,000 \
                   classes on 8 lanes without vectors is wrong",
        // Less by what is not counted in `plan/numbers.rs`.
        avoid: &[Avoid::LoopTrips(65_000)],
    },
    Quirk {
        name: "SwiftShader's arithmetic on NaN and 0",
        since: 1,
        adapter: "swiftshader",
        driver: "",
        backend: None,
        wrong: "exp(NaN) is +inf, log(NaN) 89.1 and log(0) -88.03; max and min of a NaN give the other or the second argument",
        evidence: "measured with Debian's SwiftShader, 2026-11-21. The kernels decide by bits and use no built-in exp or log, so that \
                   nothing is avoided; `xent verify` checks special rows with every operation",
        avoid: &[],
    },
];

/// Those of an adapter.
pub fn quirks_of(info: &wgpu::AdapterInfo) -> impl Iterator<Item = &'static Quirk> {
    QUIRKS.iter().filter(|quirk| quirk.applies(info))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Caps, Plan, Storage, Work};

    fn info(name: &str, backend: wgpu::Backend) -> wgpu::AdapterInfo {
        let mut info = wgpu::AdapterInfo::new(wgpu::DeviceType::Cpu, backend);
        info.name = name.into();
        (info.driver, info.driver_info) = ("llvmpipe".into(), "Mesa 22.3.6 (LLVM 15.0.6)".into());
        (info.subgroup_min_size, info.subgroup_max_size) = (8, 8);
        info
    }

    fn caps(name: &str) -> Caps {
        Caps::of(&info(name, wgpu::Backend::Vulkan), wgpu::Features::SUBGROUP, &wgpu::Limits::defaults())
    }

    #[test]
    fn entries_are_told_apart() {
        for (i, quirk) in QUIRKS.iter().enumerate() {
            assert!((1..=QUIRKS_VERSION).contains(&quirk.since), "{quirk:?}");
            assert!(!quirk.adapter.is_empty() && !quirk.wrong.is_empty() && !quirk.evidence.is_empty(), "{quirk:?}");
            assert!(QUIRKS[..i].iter().all(|other| other.name != quirk.name), "{quirk:?}");
        }
    }

    #[test]
    fn an_entry_applies_by_name_driver_and_backend() {
        let quirk = Quirk { adapter: "LLVMpipe", driver: "mesa 22", backend: Some(wgpu::Backend::Gl), ..QUIRKS[0] };
        assert!(quirk.applies(&info("llvmpipe (LLVM 15.0.6, 256 bits)", wgpu::Backend::Gl)));
        assert!(!quirk.applies(&info("llvmpipe", wgpu::Backend::Vulkan)));
        assert!(!quirk.applies(&info("another", wgpu::Backend::Gl)));
        assert!(!Quirk { driver: "Mesa 23", ..quirk }.applies(&info("llvmpipe", wgpu::Backend::Gl)));
    }

    #[test]
    fn plans_do_without_what_is_known() {
        assert_eq!(caps("llvmpipe (LLVM 15.0.6, 256 bits)").max_loop_trips, 65_000);
        let free = caps("SwiftShader Device (Subzero)");
        assert_eq!((free.max_loop_trips, free.subgroup), (u32::MAX, Some((8, 8))));
        let llvmpipe = info("llvmpipe", wgpu::Backend::Vulkan);
        assert_eq!(quirks_of(&llvmpipe).map(|quirk| quirk.name).collect::<Vec<_>>(), ["llvmpipe ends long loops"]);
    }

    #[test]
    fn what_is_avoided_is_in_the_numbers() {
        let caps = caps("llvmpipe").avoiding(&[Avoid::Subgroups, Avoid::LoopTrips(1 << 20), Avoid::TextureReads, Avoid::LoopTrips(100)]);
        assert_eq!((caps.subgroup, caps.max_loop_trips, caps.texture_reads), (None, 100, false));
        assert_eq!(caps.avoided.len(), 5, "the table's entry, and four by hand: {:?}", caps.avoided);
    }

    /// Another strategy serves in the place of each that is avoided, a split one for a split one; with all avoided there is no plan.
    #[test]
    fn another_strategy_takes_the_place() {
        let gpu = |kind| {
            let mut info = info("another", wgpu::Backend::Vulkan);
            info.device_type = kind;
            Caps::of(&info, wgpu::Features::SUBGROUP, &wgpu::Limits::defaults())
        };
        for caps in [gpu(wgpu::DeviceType::Cpu), gpu(wgpu::DeviceType::DiscreteGpu)] {
            for (rows, classes) in [(5000, 10), (100_000, 500), (300, 50_000), (1, 1_000_000)] {
                for elements in [false, true] {
                    let work = Work::dense(rows, classes, Storage::F32, elements);
                    let plan = |avoid: &[Avoid], forced| Plan::new(&work, &caps.avoiding(avoid), forced);
                    let mut avoided = Vec::new();
                    while let Ok(next) = plan(&avoided, None) {
                        let avoid = Avoid::Strategy(next.strategy);
                        assert!(!avoided.contains(&avoid), "{avoid} is planned all the same");
                        avoided.push(avoid);
                        assert!(plan(&avoided, Some(next.strategy)).is_err(), "{avoid} is forced all the same");
                    }
                    assert!(avoided.len() >= Strategy::ALL.len() / 2, "only {avoided:?} serve {rows} x {classes}");
                }
            }
        }
        let caps = gpu(wgpu::DeviceType::DiscreteGpu);
        let instead = |of| caps.avoiding(&[Avoid::Strategy(of)]).instead_of(of, true);
        let pairs = [
            (Strategy::Held, Strategy::Workgroup),
            (Strategy::Subgroup, Strategy::Workgroup),
            (Strategy::SplitWorkgroup, Strategy::SplitSubgroup),
        ];
        for (avoided, other) in pairs {
            assert_eq!(instead(avoided), other);
        }
        // Rows that a forced strategy hands on to one that is avoided: none to hold where nothing is written, no tile of long rows.
        for (forced, kernel) in [(Strategy::Held, Strategy::Workgroup), (Strategy::Tile, Strategy::Thread)] {
            let caps = caps.avoiding(&[Avoid::Strategy(kernel)]);
            let result = Plan::new(&Work::dense(300, 1000, Storage::F32, false), &caps, Some(forced));
            let message = result.map(|plan| plan.to_string()).unwrap_err().to_string();
            assert!(message.contains(&format!("served as by the strategy {kernel}, which is avoided")), "{message}");
        }
    }

    #[test]
    fn words_are_read_back() {
        let strategies = Strategy::ALL.map(Avoid::Strategy);
        for avoid in [Avoid::Subgroups, Avoid::TextureReads, Avoid::LoopTrips(7)].into_iter().chain(strategies) {
            assert_eq!(avoid.to_string().parse::<Avoid>().unwrap(), avoid);
        }
        for wrong in ["", "subgroup operations", "loop-trips", "loop-trips=0", "loop-trips=-1", "Thread"] {
            let error = wrong.parse::<Avoid>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("\"{wrong}\" is none of subgroups")) && error.contains("split-thread"), "{error}");
        }
    }
}
