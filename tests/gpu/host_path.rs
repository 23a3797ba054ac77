//! Calls one after the other, beside each other and after failures share buffers: results do not change, and memory does not grow.
//!
//! Pipelines: softmax and cross-entropy with gradient, f32 and f16, at the planned strategy.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::common::{gpu, gpus, on_every_adapter};
#[cfg(target_os = "linux")]
use crate::world::memory::{CHILD, run_child};
use wgpu_xent::wgpu;
use wgpu_xent::{AdapterChoice, CrossEntropy, Error, Gpu, LogitTransform, Logits, Targets};

/// Rows and classes of one window, of two, of an odd number of them; rows that end in the middle of a word of halves.
const SHAPES: [(usize, usize); 6] = [(3, 7), (700, 33), (64, 1001), (9000, 513), (5001, 1701), (1, 40_000)];

pub(crate) struct Case {
    pub(crate) values: Vec<f32>,
    pub(crate) indices: Vec<u32>,
    pub(crate) rows: usize,
    pub(crate) classes: usize,
}

impl Case {
    pub(crate) fn new((rows, classes): (usize, usize), seed: u32) -> Self {
        let value = |i: u32| (i.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 16) as f32 / 8192.0 - 4.0;
        let indices = (0..rows as u32).map(|row| row.wrapping_mul(7919).wrapping_add(seed) % classes as u32).collect();
        Self { values: (0..(rows * classes) as u32).map(value).collect(), indices, rows, classes }
    }

    pub(crate) fn logits(&self) -> Logits<'_> {
        Logits::new(&self.values, self.rows, self.classes).unwrap()
    }

    /// Loss and gradient, bit by bit.
    pub(crate) fn loss(&self, gpu: &Gpu) -> Result<(u32, Vec<f32>), Error> {
        let options = CrossEntropy::new().gradient(true);
        let result = gpu.cross_entropy(&self.logits(), &Targets::new(&self.indices), &options)?;
        Ok((result.loss.unwrap().to_bits(), result.gradient.unwrap()))
    }
}

pub(crate) fn same(a: &[f32], b: &[f32]) -> bool {
    bytemuck::cast_slice::<f32, u32>(a) == bytemuck::cast_slice::<f32, u32>(b)
}

fn open_first() -> Gpu {
    Gpu::open(&AdapterChoice::Index(0)).unwrap()
}

/// What buffers held before, who waits and where results go do not show.
#[test]
fn used_buffers_are_as_good_as_new() {
    on_every_adapter(|gpu| {
        for (number, shape) in SHAPES.into_iter().enumerate() {
            gpu.trim();
            let case = Case::new(shape, number as u32);
            let fresh = case.loss(gpu).unwrap();
            // Larger and other numbers in between.
            Case::new((9001, 514), 77).loss(gpu).unwrap();
            let again = case.loss(gpu).unwrap();
            assert!(fresh.0 == again.0 && same(&fresh.1, &again.1), "{shape:?}");
            let (logits, targets) = (case.logits(), Targets::new(&case.indices));
            let mut gradient = vec![9.0; case.values.len()];
            let awaited = pollster::block_on(gpu.cross_entropy_into_async(&logits, &targets, &CrossEntropy::new(), &mut gradient)).unwrap();
            assert!(awaited.gradient.is_none() && awaited.loss.unwrap().to_bits() == fresh.0 && same(&gradient, &fresh.1), "{shape:?}");
            let none = LogitTransform::new();
            let expected = gpu.softmax_as::<half::f16>(&logits, &none).unwrap();
            let mut result = vec![half::f16::ONE; case.values.len()];
            gpu.softmax_into(&logits, &none, &mut result).unwrap();
            assert!(result == expected, "{shape:?}");
            let short = gpu.softmax_into(&logits, &none, &mut result[1..]).unwrap_err().to_string();
            assert!(short.starts_with("result holds"), "{short}");
        }
    });
}

/// A device of a caller that cannot map what kernels use, and one that can, give the same.
#[test]
fn a_device_that_cannot_map() {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::VULKAN));
    let adapter = adapters.into_iter().find(|a| a.get_info().name == gpu().info().name).expect("the first adapter is a Vulkan one");
    let descriptor = wgpu::DeviceDescriptor {
        required_features: gpu().device().features() - wgpu::Features::MAPPABLE_PRIMARY_BUFFERS,
        required_limits: gpu().device().limits(),
        ..Default::default()
    };
    let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).unwrap();
    let wrapped = Gpu::from_device(device, queue);
    for texture_reads in [false, true] {
        for shape in [(64, 1001), (9000, 513), (5001, 1701)] {
            let case = Case::new(shape, 5);
            let [a, b] = [&wrapped, gpu()].map(|gpu| case.loss(&gpu.with_texture_reads(texture_reads)).unwrap());
            assert!(a.0 == b.0 && same(&a.1, &b.1), "{shape:?}");
        }
    }
}

/// Resident bytes of this process.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// What device memory a call takes, what is kept, and that many calls of mixed shapes take no more than a few.
#[test]
fn memory_is_bounded() {
    // The pipelines that other tests compile meanwhile are not its own.
    #[cfg(target_os = "linux")]
    if std::env::var(CHILD).is_err() {
        return run_child("host_path::memory_is_bounded", 0);
    }
    let gpu = &open_first();
    let (rows, classes) = (2000, 1000);
    let (dense, row) = ((rows * classes * 4) as u64, rows as u64 * 4);
    let case = Case::new((rows, classes), 1);
    gpu.cross_entropy(&case.logits(), &Targets::new(&case.indices), &CrossEntropy::new()).unwrap();
    let peak = gpu.call_memory().peak;
    assert!((dense..dense + dense / 16 + 16 * row).contains(&peak), "one window: the logits and a few words a row, not {peak}");
    assert_eq!((gpu.call_memory().in_use, gpu.call_memory().kept), (0, peak));
    gpu.trim();
    assert_eq!((gpu.call_memory().peak, gpu.call_memory().kept, gpu.call_memory().texture), (0, 0, 0));
    Case::new((40_000, 1000), 1).loss(gpu).unwrap();
    let peak = gpu.call_memory().peak;
    assert!(peak < 5 * (16 << 20), "many windows: two of logits and two of gradient at a time, not {peak}");
    gpu.trim();
    let long = Case::new((40_000, 1000), 1);
    gpu.cross_entropy(&long.logits(), &Targets::new(&long.indices), &CrossEntropy::new()).unwrap();
    let (peak, windows) = (gpu.call_memory().peak, if gpu.caps().cpu { 1 } else { 2 });
    let bounds = windows * (15 << 20)..windows * (17 << 20);
    assert!(bounds.contains(&peak), "{windows} of logits at a time where nothing comes back, not {peak}");
    gpu.trim();
    // Rows longer than a window have buffers of their own lengths, of which some are kept.
    for mib in [80, 100, 120] {
        let values = vec![0.5_f32; mib << 18];
        gpu.logsumexp(&Logits::new(&values, 1, values.len()).unwrap()).unwrap();
    }
    let kept = gpu.call_memory().kept;
    assert!((128 << 20..=256 << 20).contains(&kept), "{kept} bytes are kept");
    gpu.trim();
    let many: Vec<Case> = (0..20).map(|i| Case::new((100 + 331 * i, 2000 - 77 * i), i as u32)).collect();
    let round = || many.iter().for_each(|case| drop(case.loss(gpu).unwrap()));
    (0..3).for_each(|_| round());
    let kept = gpu.call_memory().kept;
    assert!(kept <= 256 << 20, "{kept} bytes are kept");
    #[cfg(target_os = "linux")]
    let before = resident();
    (0..10).for_each(|_| round());
    assert_eq!(gpu.call_memory().in_use, 0);
    // A leak of the matrices alone would be 2.6 GB.
    #[cfg(target_os = "linux")]
    {
        let grown = resident().saturating_sub(before);
        println!("grown by {grown} bytes in 200 calls");
        assert!(grown < 512 << 20, "{grown} bytes more after 200 calls");
    }
}

/// Futures given up in the middle, wrong targets and a call too large leave nothing in use, and the next call is right.
#[test]
fn after_a_call_that_failed() {
    let gpu = &open_first();
    let case = Case::new((40_000, 300), 3);
    let expected = case.loss(gpu).unwrap();
    let (logits, none) = (case.logits(), LogitTransform::new());
    for polls in 1..6 {
        let mut future = pin!(gpu.softmax_with_async(&logits, &none));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..polls {
            if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
                assert_eq!(result.unwrap().len(), case.values.len());
                break;
            }
        }
    }
    assert_eq!(gpu.call_memory().in_use, 0);
    let mut indices = case.indices.clone();
    indices[39_999] = 300;
    let wrong = gpu.cross_entropy(&case.logits(), &Targets::new(&indices), &CrossEntropy::new().gradient(true));
    assert!(matches!(wrong, Err(Error::Target { row: 39_999, .. })), "{wrong:?}");
    let mut values = case.values.clone();
    values[7] = f32::NAN;
    let nan = Logits::new(&values, 40_000, 300).unwrap();
    let fault = gpu.cross_entropy(&nan, &Targets::new(&case.indices), &CrossEntropy::new().faults(wgpu_xent::FaultPolicy::Fail));
    assert!(fault.is_err(), "{fault:?}");
    let got = case.loss(gpu).unwrap();
    assert!(got.0 == expected.0 && same(&got.1, &expected.1));
    assert_eq!(gpu.call_memory().in_use, 0);
}

/// Threads that share a GPU, blocking and awaiting, get what one alone gets.
#[test]
fn threads_share_a_gpu() {
    for gpu in gpus() {
        let cases: Vec<Case> = SHAPES.into_iter().enumerate().map(|(i, shape)| Case::new(shape, i as u32)).collect();
        let alone: Vec<_> = cases.iter().map(|case| (case.loss(gpu).unwrap(), gpu.softmax(&case.logits()).unwrap())).collect();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (cases, alone) = (&cases, &alone);
                scope.spawn(move || {
                    for call in 0..20 {
                        let place = (thread + call) % cases.len();
                        let (case, (loss, probabilities)) = (&cases[place], &alone[place]);
                        if (thread + call) % 2 == 0 {
                            let got = case.loss(gpu).unwrap();
                            assert!(got.0 == loss.0 && same(&got.1, &loss.1), "{} x {}", case.rows, case.classes);
                        } else {
                            let got = pollster::block_on(gpu.softmax_async(&case.logits())).unwrap();
                            assert!(same(&got, probabilities), "{} x {}", case.rows, case.classes);
                        }
                    }
                });
            }
        });
    }
}
