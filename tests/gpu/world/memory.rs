//! Memory that runs out: a process of its own is allowed only a little more than it has, and gets back what it had.

use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::lost::all_later_calls;
use super::wrapped;
use crate::device::encoder;
use crate::host_path::{Case, same};
use wgpu_xent::wgpu::{self, BufferUsages};
use wgpu_xent::{AdapterChoice, CrossEntropy, CrossEntropyBuffers, DeviceMatrix, DeviceVector, Error, Gpu, Logits, Output, Storage};

/// Names the adapter in the child.
pub(crate) const CHILD: &str = "XENT_TEST_LITTLE_MEMORY";

/// What a child may still allocate.
const ROOM: u64 = 48 << 20;

/// Runs something while so little memory is left.
fn with_little_memory<T>(run: impl FnOnce() -> T) -> T {
    with_memory(ROOM, run)
}

/// Runs something that may take so many bytes.
fn with_memory<T>(room: u64, run: impl FnOnce() -> T) -> T {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let size = pages.split(' ').next().unwrap().parse::<u64>().unwrap() * rustix::param::page_size() as u64;
    let before = getrlimit(Resource::As);
    setrlimit(Resource::As, Rlimit { current: Some(size + room), maximum: before.maximum }).unwrap();
    let value = run();
    setrlimit(Resource::As, before).unwrap();
    value
}

#[track_caller]
fn assert_no_memory<T: std::fmt::Debug>(gpu: &Gpu, end: Result<T, Error>) {
    assert!(matches!(&end, Err(Error::OutOfMemory { bytes, .. }) if *bytes >= ROOM), "{end:?}");
    let memory = gpu.call_memory();
    assert_eq!((memory.in_use, memory.kept), (0, 0), "{memory:?}");
}

fn in_the_child(gpu: &Gpu) {
    let small = Case::new((700, 33), 1);
    let expected = small.loss(gpu).unwrap();
    let is_right = || {
        let got = small.loss(gpu).unwrap();
        assert!(got.0 == expected.0 && same(&got.1, &expected.1));
        gpu.trim();
    };
    is_right();

    // From slices: one row of 96 MB, and a result of as much.
    let values = vec![0.5_f32; 24 << 20];
    let logits = Logits::new(&values, 1, values.len()).unwrap();
    let wide = gpu.logsumexp(&logits).unwrap();
    gpu.trim();
    let end = with_little_memory(|| gpu.logsumexp(&logits));
    assert_no_memory(gpu, end);
    let end = with_little_memory(|| pollster::block_on(gpu.logsumexp_async(&logits)));
    assert_no_memory(gpu, end);
    // The host's own memory: the room for the result.
    let end = with_little_memory(|| gpu.softmax(&logits));
    assert_no_memory(gpu, end.map(|values| values.len()));
    is_right();
    assert_eq!(gpu.logsumexp(&logits).unwrap(), wide);
    gpu.trim();

    // On the caller's buffers: the words of twelve million rows.
    let rows = 12_000_000;
    let make = |bytes| {
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        gpu.device().create_buffer(&wgpu::BufferDescriptor { label: None, size: bytes, usage, mapped_at_creation: false })
    };
    let (logits, targets) = (make(rows * 4), make(rows * 4));
    let matrix = DeviceMatrix::new::<f32>(&logits, rows as usize, 1).unwrap();
    let buffers = CrossEntropyBuffers { gradient: Some(Output::InPlace), ..CrossEntropyBuffers::new(matrix, DeviceVector::new(&targets)) };
    // Through a texture it would be windows of less.
    let direct = gpu.with_texture_reads(false);
    let record = || {
        let mut encoder = encoder(gpu);
        let pending = direct.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new())?;
        gpu.queue().submit([encoder.finish()]);
        pending.read(gpu)
    };
    let end = with_little_memory(record);
    assert_no_memory(gpu, end);
    is_right();
    assert_eq!(record().unwrap().loss, Some(0.0), "one class is certain");

    let end = with_little_memory(|| gpu.tune(&[(1, 24 << 20)], Storage::F32));
    assert_no_memory(gpu, end);
    is_right();
}

/// Runs a test again, in a process of its own.
pub(crate) fn run_child(test: &str, adapter: usize) {
    // By this name it is found even if it was built again meanwhile.
    let mut child = Command::new("/proc/self/exe");
    child.args(["--exact", test, "--nocapture"]).env(CHILD, adapter.to_string());
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "adapter {adapter}: {:?}\n{text}", output.status);
}

/// The adapters whose memory is the process's own: lavapipe and, where it is there, SwiftShader.
fn software() -> impl Iterator<Item = usize> {
    let adapters = Gpu::adapters().into_iter();
    adapters.filter(|adapter| adapter.info.backend == wgpu::Backend::Vulkan && adapter.is_software()).map(|adapter| adapter.index)
}

/// Host-level, awaited and device-level calls, and tuning.
#[test]
fn runs_out() {
    match std::env::var(CHILD) {
        Ok(index) => in_the_child(&Gpu::open(&AdapterChoice::Index(index.parse().unwrap())).unwrap()),
        Err(_) => software().for_each(|adapter| run_child("world::memory::runs_out", adapter)),
    }
}

/// wgpu gives up a device for which it finds no memory of its own, here under a write of the caller, whose device it is: its loss shows
/// though nobody tells us.
#[test]
fn costs_the_device() {
    if std::env::var(CHILD).is_err() {
        return run_child("world::memory::costs_the_device", 0);
    }
    let gpu = wrapped();
    let small = Case::new((8, 9), 1);
    small.loss(&gpu).unwrap();
    let bytes = vec![0_u8; 96 << 20];
    let usage = BufferUsages::COPY_DST;
    let target = gpu.device().create_buffer(&wgpu::BufferDescriptor { label: None, size: 96 << 20, usage, mapped_at_creation: false });
    let scope = gpu.device().push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    with_little_memory(|| gpu.queue().write_buffer(&target, 0, &bytes));
    pollster::block_on(scope.pop());
    all_later_calls(&gpu, &small);
}

/// No driver can be loaded into so little, which is as if there were none; with more there is one. With something between, a driver may end the
/// process: SwiftShader does, by an exception, when it finds no memory for a thread.
#[test]
fn is_too_little_to_open() {
    if std::env::var(CHILD).is_err() {
        return run_child("world::memory::is_too_little_to_open", 0);
    }
    let end = with_memory(1 << 20, Gpu::new);
    assert!(matches!(end, Err(Error::NoAdapter)), "{end:?}");
    let small = Case::new((8, 9), 1);
    small.loss(&Gpu::new().unwrap()).unwrap();
}
