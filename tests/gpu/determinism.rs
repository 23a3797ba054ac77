//! The same bits: of the same call, and with batch invariance of a row, whatever comes with it.
//!
//! Pipelines: softmax and cross-entropy with gradient, f32, at the plan of many rows and, to see that the option is needed, of one;
//! read and written aligned, unaligned, in place and through a texture. Those of `runs_repeat_bit_for_bit` at every strategy.

use std::ops::Range;
use std::process::Command;

use crate::common::data::{Data, make};
use crate::common::{gpus, on_every_adapter, with_every_strategy};
use crate::device::{buffer, encoder, floats, placed, taken, values, words};
use wgpu_xent::{AdapterChoice, CrossEntropy, CrossEntropyBuffers, DeviceMatrix, DeviceVector, Gpu, Logits, Output, Reduction, Targets};

/// Classes, rows, and how many of them come at a time, besides the numbers at which plans change on a CPU adapter: one below, on and above those that
/// keep its cores busy. Rows of 70,001 classes take two windows at host level.
const SHAPES: [(usize, usize, &[usize]); 3] =
    [(40, 1000, &[1, 2, 3, 64, 256]), (4099, 260, &[1, 2, 3, 31, 32, 64, 256]), (70_001, 64, &[1, 3, 40])];

/// Rows that calls are given some of.
struct Rows {
    values: Vec<f32>,
    targets: Vec<i64>,
    classes: usize,
}

/// The bits of everything that a row gets.
type Bits = Vec<u32>;

impl Rows {
    fn new(rows: usize, classes: usize) -> Self {
        let (values, targets) = make(Data::Outliers, rows, classes, 61);
        Self { values, targets, classes }
    }

    fn all(&self) -> Range<usize> {
        0..self.targets.len()
    }

    fn values(&self, rows: &Range<usize>) -> &[f32] {
        &self.values[rows.start * self.classes..rows.end * self.classes]
    }

    /// Those rows by calls at host level.
    fn host(&self, gpu: &Gpu, rows: &Range<usize>) -> Vec<Bits> {
        let logits = Logits::new(self.values(rows), rows.len(), self.classes).unwrap();
        let options = options().row_loss(true).logsumexp(true).argmax(true).gradient(true);
        let loss = gpu.cross_entropy(&logits, &Targets::new(&self.targets[rows.clone()]), &options).unwrap();
        let softmax = gpu.softmax(&logits).unwrap();
        let (row_loss, logsumexp, argmax) = (loss.row_loss.unwrap(), loss.logsumexp.unwrap(), loss.argmax.unwrap());
        let matrices = [loss.gradient.unwrap(), softmax];
        let row = |r: usize| joined([row_loss[r], logsumexp[r]], argmax[r], &matrices, r, self.classes);
        (0..rows.len()).map(row).collect()
    }

    /// The same at device level, the rows behind `lead` words, `stride` words apart, the gradient in their place or elsewhere.
    fn device(&self, gpu: &Gpu, rows: &Range<usize>, (lead, stride): (usize, usize), in_place: bool) -> Vec<Bits> {
        let (count, classes) = (rows.len(), self.classes);
        let mut all = placed(self.values(rows), classes, lead, stride);
        // The last quad of the last row may be read whole.
        all.extend([7.5; 4]);
        let [logits, untouched, gradient, softmax] = std::array::from_fn(|_| floats(gpu, &all));
        let [row_loss, logsumexp, argmax] = std::array::from_fn(|_| buffer(gpu, &vec![0; count]));
        let targets = buffer(gpu, &self.targets[rows.clone()].iter().map(|&t| t as u32).collect::<Vec<_>>());
        let at = |b| DeviceMatrix::with_layout::<f32>(b, lead as u64 * 4, count, classes, stride).unwrap();
        let buffers = CrossEntropyBuffers {
            row_loss: Some(DeviceVector::new(&row_loss)),
            logsumexp: Some(DeviceVector::new(&logsumexp)),
            argmax: Some(DeviceVector::new(&argmax)),
            gradient: Some(if in_place { Output::InPlace } else { Output::To(at(&gradient)) }),
            ..CrossEntropyBuffers::new(at(&logits), DeviceVector::new(&targets))
        };
        let mut encoder = encoder(gpu);
        gpu.record_cross_entropy(&mut encoder, &buffers, &options()).unwrap();
        gpu.record_softmax(&mut encoder, &at(&untouched), Output::To(at(&softmax))).unwrap();
        gpu.queue().submit([encoder.finish()]);
        let matrices = [if in_place { &logits } else { &gradient }, &softmax].map(|b| taken(&values(gpu, b), count, classes, lead, stride));
        let (row_loss, logsumexp, argmax) = (values(gpu, &row_loss), values(gpu, &logsumexp), words(gpu, &argmax));
        (0..count).map(|r| joined([row_loss[r], logsumexp[r]], argmax[r], &matrices, r, classes)).collect()
    }
}

/// A gradient that is not divided by anything of the other rows.
fn options() -> CrossEntropy<'static> {
    CrossEntropy::new().reduction(Reduction::Sum)
}

fn joined(numbers: [f32; 2], argmax: u32, matrices: &[Vec<f32>; 2], row: usize, classes: usize) -> Bits {
    let elements = matrices.iter().flat_map(|m| &m[row * classes..][..classes]);
    numbers.iter().chain(elements).map(|x| x.to_bits()).chain([argmax]).collect()
}

/// That rows have the bits that they had among all, and which has not.
#[track_caller]
fn assert_same(what: &str, got: &[Bits], all: &[Bits], first: usize) {
    for (i, bits) in got.iter().enumerate() {
        let different = bits.iter().zip(&all[first + i]).filter(|(a, b)| a != b).count();
        assert!(bits.len() == all[first + i].len() && different == 0, "{what}: {different} words of row {} differ", first + i);
    }
}

/// Rows alone, a few and many together, wherever they stand among the others. Without the option that does not hold.
#[test]
fn a_row_does_not_depend_on_the_others() {
    let mut dependent = 0;
    for (classes, count, sizes) in SHAPES {
        let rows = Rows::new(count, classes);
        for gpu in gpus() {
            let invariant = gpu.with_batch_invariance(true);
            let all = rows.host(&invariant, &rows.all());
            let busy = gpu.caps().busy_threads as usize;
            let edges = [busy - 1, busy, busy + 1].into_iter().filter(|&size| size < count);
            for size in sizes.iter().copied().chain(edges) {
                for first in [0, (count - size) / 2 + 1, count - size].into_iter().filter(|first| first + size <= count) {
                    let got = rows.host(&invariant, &(first..first + size));
                    assert_same(&format!("{}, {size} rows of {classes}", gpu.describe()), &got, &all, first);
                }
            }
            dependent += usize::from(rows.host(gpu, &(0..1))[0] != all[0]);
            let plain = invariant.with_batch_invariance(false);
            assert_eq!(plain.caps(), gpu.caps(), "the option can be taken back");
        }
    }
    assert!(dependent > 0, "no row alone differs without the option: this test would see nothing");
}

/// At either level, aligned, unaligned, in place, through a texture or not.
#[test]
fn a_row_does_not_depend_on_where_it_lies() {
    on_every_adapter(|gpu| {
        for (classes, layouts) in [(40, [(0, 40), (4, 44), (3, 41)]), (4099, [(0, 4100), (8, 4104), (129, 4099)])] {
            let rows = Rows::new(7, classes);
            let all = rows.host(&gpu.with_batch_invariance(true), &rows.all());
            for textures in [false, true] {
                let gpu = gpu.with_batch_invariance(true).with_texture_reads(textures);
                let what = |at: &str| format!("{classes} classes, textures {textures}, {at}");
                assert_same(&what("host"), &rows.host(&gpu, &(2..5)), &all, 2);
                for layout in layouts {
                    let in_place = classes == 40;
                    assert_same(&what(&format!("{layout:?}")), &rows.device(&gpu, &(1..6), layout, in_place), &all, 1);
                }
            }
        }
    });
}

/// In windows of a few rows, on devices of one adapter, from several threads at once, again and again.
#[test]
fn a_row_does_not_depend_on_the_device_or_the_moment() {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    let rows = &Rows::new(260, 4099);
    for (index, gpu) in gpus().iter().enumerate() {
        let all = &rows.host(&gpu.with_batch_invariance(true), &rows.all());
        let is_same = |info: &wgpu::AdapterInfo| (info.backend, &info.name) == (gpu.info().backend, &gpu.info().name);
        let adapter = adapters.iter().find(|a| is_same(&a.get_info())).expect("the same adapter");
        let mut required_limits = gpu.device().limits();
        required_limits.max_storage_buffer_binding_size = 300_000;
        let required_features = gpu.device().features();
        let descriptor = wgpu::DeviceDescriptor { required_features, required_limits, ..Default::default() };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).unwrap();
        let small = &Gpu::from_device(device, queue).with_batch_invariance(true);
        let fresh = &Gpu::open(&AdapterChoice::Index(index)).unwrap().with_batch_invariance(true);
        std::thread::scope(|scope| {
            for (thread, gpu) in [small, fresh, fresh].into_iter().enumerate() {
                scope.spawn(move || {
                    for first in [0, 40 * thread + 5] {
                        let what = format!("{}, thread {thread}, from {first}", gpu.describe());
                        assert_same(&what, &rows.host(gpu, &(first..first + 60)), all, first);
                        assert_same(&what, &rows.device(gpu, &(first..first + 60), (0, 4100), false), all, first);
                    }
                });
            }
        });
    }
}

/// Also with a strategy that is forced.
#[test]
fn every_strategy_can_be_batch_invariant() {
    let rows = Rows::new(9, 3001);
    with_every_strategy(|gpu| {
        let gpu = gpu.with_batch_invariance(true);
        let logits = |of: &Range<usize>| Logits::new(&rows.values[of.start * 3001..of.end * 3001], of.len(), 3001).unwrap();
        let options = options().gradient(true).row_loss(true).logsumexp(true).argmax(true);
        let call = |of: Range<usize>| gpu.cross_entropy(&logits(&of), &Targets::new(&rows.targets[of.clone()]), &options).unwrap();
        let (all, some) = (call(0..9), call(4..6));
        let bits = |numbers: &[f32]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&some.gradient.unwrap()), bits(&all.gradient.unwrap()[4 * 3001..6 * 3001]));
        assert_eq!(bits(&some.row_loss.unwrap()), bits(&all.row_loss.unwrap()[4..6]));
        assert_eq!(bits(&some.logsumexp.unwrap()), bits(&all.logsumexp.unwrap()[4..6]));
        assert_eq!(some.argmax.unwrap(), all.argmax.unwrap()[4..6]);
    });
}

/// Another process computes the same bits, with the option and without.
#[test]
fn another_process_computes_the_same_bits() {
    let program = std::env::current_exe().unwrap();
    let told = Command::new(program).args(["--exact", "determinism::tells_its_bits", "--ignored", "--nocapture"]).output().unwrap();
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(told.status.success(), "{text}");
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("bits ")).collect();
    assert_eq!(lines, bits_of_all());
    assert_eq!(lines.len(), gpus().len());
}

#[test]
#[ignore = "another_process_computes_the_same_bits runs it, in a process of its own"]
fn tells_its_bits() {
    println!();
    bits_of_all().iter().for_each(|line| println!("{line}"));
}

/// A line for each adapter.
fn bits_of_all() -> Vec<String> {
    let rows = Rows::new(5, 40);
    let of = |gpu: &Gpu| {
        let all = [gpu.clone(), gpu.with_batch_invariance(true)].map(|gpu| rows.host(&gpu, &rows.all()));
        // FNV-1a of the words.
        let hash =
            all.iter().flatten().flatten().fold(0xcbf2_9ce4_8422_2325_u64, |h, &w| (h ^ u64::from(w)).wrapping_mul(0x0100_0000_01b3));
        format!("bits {hash:016x} of {}", gpu.describe())
    };
    gpus().iter().map(of).collect()
}
