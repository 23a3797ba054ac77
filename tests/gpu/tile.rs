//! Rows through workgroup memory give what a thread reads and writes itself, bit by bit, and touch nothing else.
//!
//! Pipelines: cross-entropy, softmax and log-sum-exp as tiles, for each type of logits and results, aligned and not, and of rows of up to 16
//! classes for each number of them.

use crate::common::data::{Data, make};
use crate::common::{all_cases, gpu, on_every_adapter};
use crate::device::{buffer, encoder, words};
use half::{bf16, f16};
use wgpu_xent::wgpu::Buffer;
use wgpu_xent::{
    CrossEntropy, CrossEntropyBuffers, DeviceMatrix, DeviceVector, Element, Gpu, LogitTransform, Logits, Output, Storage, Strategy,
    Targets, Work,
};

/// A matrix behind `lead` elements and before as many, and what it is.
struct Placed<T> {
    buffer: Buffer,
    lead: usize,
    rows: usize,
    classes: usize,
    filled: Vec<T>,
}

impl<T: Element> Placed<T> {
    fn new(gpu: &Gpu, (lead, rows, classes): (usize, usize, usize), value: impl Fn(usize) -> T) -> Self {
        let elements = lead + rows * classes + 5;
        let elements = elements.next_multiple_of(4 / size_of::<T>());
        let filled: Vec<T> = (0..elements).map(value).collect();
        Self { buffer: buffer(gpu, &bytemuck::pod_collect_to_vec(&filled)), lead, rows, classes, filled }
    }

    fn matrix(&self) -> DeviceMatrix<'_> {
        let offset = (self.lead * size_of::<T>()) as u64;
        DeviceMatrix::with_layout::<T>(&self.buffer, offset, self.rows, self.classes, self.classes).unwrap()
    }

    /// The matrix as it is now, as bytes; what is around it must be as it was.
    fn now(&self, gpu: &Gpu) -> Vec<u8> {
        let all = words(gpu, &self.buffer);
        let (all, before): (&[u8], &[u8]) = (bytemuck::cast_slice(&all), bytemuck::cast_slice(&self.filled));
        let (first, end) = (self.lead * size_of::<T>(), (self.lead + self.rows * self.classes) * size_of::<T>());
        assert_eq!((&all[..first], &all[end..]), (&before[..first], &before[end..]), "what is around a matrix is untouched");
        all[first..end].to_vec()
    }
}

/// Gradient, row results, gradient in place, softmax.
fn results<L: Element, R: Element>(gpu: &Gpu, place: (usize, usize, usize), of: fn(f32) -> L, nothing: R) -> Vec<Vec<u8>> {
    let (lead, rows, classes) = place;
    let (values, targets) = make(Data::Outliers, rows, classes, 17);
    let value = |i: usize| of(i.checked_sub(lead).and_then(|i| values.get(i)).copied().unwrap_or(9.0));
    let logits = Placed::<L>::new(gpu, place, value);
    let gradient = Placed::<R>::new(gpu, place, |_| nothing);
    let targets: Vec<u32> = targets.iter().map(|&t| t as u32).collect();
    let targets = buffer(gpu, &targets);
    let of_rows = buffer(gpu, &vec![0; 3 * rows]);
    let vector = |plane: usize| Some(DeviceVector::with_offset(&of_rows, (plane * rows * 4) as u64));
    let mut encoder = encoder(gpu);
    let buffers = CrossEntropyBuffers {
        row_loss: vector(0),
        argmax: vector(1),
        entropy: vector(2),
        gradient: Some(Output::To(gradient.matrix())),
        ..CrossEntropyBuffers::new(logits.matrix(), DeviceVector::new(&targets))
    };
    gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new()).unwrap();
    gpu.queue().submit([encoder.finish()]);
    let found = vec![gradient.now(gpu), bytemuck::cast_slice(&words(gpu, &of_rows)).to_vec()];

    let mut encoder = self::encoder(gpu);
    let softmax = Placed::<R>::new(gpu, place, |_| nothing);
    gpu.record_softmax(&mut encoder, &logits.matrix(), Output::To(softmax.matrix())).unwrap();
    let in_place =
        CrossEntropyBuffers { gradient: Some(Output::InPlace), ..CrossEntropyBuffers::new(logits.matrix(), DeviceVector::new(&targets)) };
    gpu.record_cross_entropy(&mut encoder, &in_place, &CrossEntropy::new()).unwrap();
    gpu.queue().submit([encoder.finish()]);
    found.into_iter().chain([softmax.now(gpu), logits.now(gpu)]).collect()
}

/// Elements before the matrix, rows, classes: rows that share words of 16 bits, full and partial tiles, quads over several rows.
const PLACES: [(usize, usize, usize); 8] =
    [(0, 70, 10), (4, 33, 1), (8, 97, 2), (0, 65, 3), (2, 70, 10), (6, 64, 21), (16, 40, 63), (0, 1, 7)];

fn check<L: Element, R: Element>(gpu: &Gpu, of: fn(f32) -> L, nothing: R) {
    for place in PLACES {
        // Textures only where plans may ask for them.
        let textures = if gpu.caps().may_read_textures() { &[false, true][..] } else { &[false] };
        let thread = results(&gpu.with_strategy(Strategy::Thread).with_texture_reads(false), place, of, nothing);
        for &texture in textures {
            let tile = results(&gpu.with_strategy(Strategy::Tile).with_texture_reads(texture), place, of, nothing);
            for (i, what) in ["gradient", "row results", "softmax", "gradient in place"].into_iter().enumerate() {
                assert_eq!(tile[i], thread[i], "{what}, {place:?}, {} to {}, texture {texture}", L::STORAGE, R::STORAGE);
            }
        }
    }
}

#[test]
fn a_tile_changes_no_bit() {
    on_every_adapter(|gpu| {
        let tiled = gpu.with_strategy(Strategy::Tile);
        assert!(
            PLACES
                .iter()
                .all(|&(_, rows, classes)| { tiled.plan(&Work::dense(rows as u64, classes as u64, Storage::F32, true)).unwrap().tile > 0 })
        );
        check::<f32, f32>(gpu, |x| x, 7.5);
        check::<f16, f16>(gpu, f16::from_f32, f16::ONE);
        if gpu.info() == self::gpu().info() || all_cases() {
            check::<bf16, f32>(gpu, bf16::from_f32, 7.5);
            check::<f32, bf16>(gpu, |x| x, bf16::ONE);
        }
    });
}

/// Host level: several windows, a partial tile at the end of each, labels and options beside; rows that no tile takes go another way.
#[test]
fn windows_and_options_through_tiles() {
    on_every_adapter(|gpu| {
        // A second window on one adapter: workgroups that wait for each other are slow on CPUs.
        let rows = if gpu.info() == self::gpu().info() { 150_001 } else { 2001 };
        for (rows, classes) in [(rows, 29), (100, 64), (100, 200)] {
            let (values, targets) = make(Data::Normal, rows, classes, 3);
            let logits = Logits::new(&values, rows, classes).unwrap();
            let weights: Vec<f32> = (0..classes).map(|c| 0.5 + c as f32 * 0.1).collect();
            let options = CrossEntropy::new().class_weights(&weights[..]).label_smoothing(0.1).gradient(true).row_loss(true);
            let transform = LogitTransform::new().softcap(5.0);
            let [tile, thread] = [Strategy::Tile, Strategy::Thread].map(|strategy| {
                let gpu = gpu.with_strategy(strategy);
                (gpu.cross_entropy(&logits, &Targets::new(&targets), &options).unwrap(), gpu.softmax_with(&logits, &transform).unwrap())
            });
            assert!(tile.0 == thread.0 && tile.1 == thread.1, "{rows} x {classes}");
        }
    });
}
