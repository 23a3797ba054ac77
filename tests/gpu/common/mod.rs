//! What the GPU tests share: the adapters; data, bounds and the comparison with the reference are those of the conformance kit.

use std::sync::OnceLock;

use wgpu_xent::{AdapterChoice, Gpu, Strategy};
pub(crate) use wgpu_xent_verify::{Bound, TINY, compare, data};

/// Every adapter of this machine, opened once a test binary.
///
/// On Linux lavapipe and Mesa's GL must be among them: a machine without is a failure, not a skip. `XENT_TEST_ADAPTERS=any`
/// asks only for one adapter, whichever it is (other systems).
pub(crate) fn gpus() -> &'static [Gpu] {
    static GPUS: OnceLock<Vec<Gpu>> = OnceLock::new();
    GPUS.get_or_init(|| {
        let found = Gpu::adapters();
        let names: Vec<String> = found.iter().map(ToString::to_string).collect();
        let any = std::env::var("XENT_TEST_ADAPTERS").is_ok_and(|v| v == "any") || !cfg!(target_os = "linux");
        let is = |i: usize, backend, name: &str| found[i].info.backend == backend && found[i].info.name.contains(name);
        let has = |backend, name| (0..found.len()).any(|i| is(i, backend, name));
        assert!(!found.is_empty(), "no adapter found: run scripts/setup.sh --tests");
        if !any {
            assert!(has(wgpu::Backend::Vulkan, "llvmpipe"), "lavapipe is missing among {names:?}: run scripts/setup.sh --tests");
            assert!(has(wgpu::Backend::Gl, ""), "a GL adapter is missing among {names:?}: run scripts/setup.sh --tests");
            let swiftshader = std::env::var("VK_ADD_DRIVER_FILES").is_ok_and(|file| std::path::Path::new(&file).exists());
            assert!(!swiftshader || has(wgpu::Backend::Vulkan, "SwiftShader"), "SwiftShader's driver file exists, but not among {names:?}");
        }
        let opened: Vec<Gpu> = found.iter().map(|a| Gpu::open(&AdapterChoice::Index(a.index)).unwrap()).collect();
        assert!(
            any || opened.iter().any(|g| g.caps().subgroup.is_some()),
            "no adapter of {names:?} has subgroups: their kernels would go untested"
        );
        opened
    })
}

/// The adapter that most tests of host behaviour use: one is enough where the kernel does not matter.
pub(crate) fn gpu() -> &'static Gpu {
    &gpus()[0]
}

/// Runs a check on every adapter with the planned strategy, and names the adapter if it panics.
pub(crate) fn on_every_adapter(check: impl Fn(&Gpu)) {
    for gpu in gpus() {
        named(gpu, "planned", || check(gpu));
    }
}

/// Whether tests are to try every case on every adapter (`XENT_ALL_CASES=1`). Each case compiles pipelines of its own, which takes
/// most of the time: without it, the first adapter tries all strategies, and the others the planned one and one more.
pub(crate) fn all_cases() -> bool {
    std::env::var("XENT_ALL_CASES").is_ok()
}

/// Runs a check on every adapter with the planned strategy and with every one forced (see [`all_cases`]); those with subgroups only
/// where there are any. Every strategy left must serve every shape that a check uses: nothing is skipped inside of it.
pub(crate) fn with_every_strategy(check: impl Fn(&Gpu)) {
    with_shares(|gpu, _| check(gpu));
}

/// Which of many cases with pipelines of their own a run of a check tries.
#[derive(Clone, Copy)]
pub(crate) struct Share {
    /// `None`: all.
    turn: Option<usize>,
}

impl Share {
    pub(crate) const ALL: Self = Self { turn: None };
    const OF: usize = 3;

    /// Of the runs that share cases, this one; alone with them if tests are to try every case.
    pub(crate) fn new(turn: usize) -> Self {
        Self { turn: (!all_cases()).then_some(turn % Self::OF) }
    }

    pub(crate) fn has(self, case: usize) -> bool {
        self.turn.is_none_or(|turn| case % Self::OF == turn)
    }
}

/// [`with_every_strategy`] for many cases with pipelines of their own: the planned strategy tries all, a forced one every third, the
/// next one the next third.
pub(crate) fn with_shares(check: impl Fn(&Gpu, Share)) {
    for (i, gpu) in gpus().iter().enumerate() {
        named(gpu, "planned", || check(gpu, Share::ALL));
        let split = if gpu.caps().subgroup.is_some() { Strategy::SplitSubgroup } else { Strategy::SplitThread };
        // The conformance kit tries every strategy on every adapter; here the others have one each.
        let some = [if i % 2 == 1 { Strategy::Workgroup } else { split }];
        let tried = if i == 0 || all_cases() { &Strategy::ALL[..] } else { &some };
        let needs_subgroups = |s: &Strategy| matches!(s, Strategy::Subgroup | Strategy::SplitSubgroup);
        let tried = tried.iter().filter(|s| gpu.caps().subgroup.is_some() || !needs_subgroups(s));
        for (turn, &strategy) in tried.enumerate() {
            // Not the same third for a strategy and for that which splits its rows.
            let turn = turn + turn / Share::OF + i;
            // Where textures may be faster, every second strategy reads them.
            let forced = gpu.with_strategy(strategy).with_vector_strategy(strategy);
            let forced = if gpu.caps().may_read_textures() { forced.with_texture_reads(turn % 2 == 1) } else { forced };
            named(gpu, &strategy.to_string(), || check(&forced, Share::new(turn)));
        }
    }
}

fn named(gpu: &Gpu, strategy: &str, check: impl FnOnce()) {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
    if let Err(cause) = result {
        eprintln!("on {}, strategy {strategy}", gpu.describe());
        std::panic::resume_unwind(cause);
    }
}

/// [`compare`], or a panic that says where.
#[track_caller]
pub(crate) fn assert_close(what: &str, got: &[f32], expected: &[f64], bound: impl Fn(usize) -> Bound) {
    if let Err(message) = compare(got, expected, bound) {
        panic!("{what}: {message}");
    }
}
