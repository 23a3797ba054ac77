//! Quads as words of 64 bits give the bits that quads as words of 32 give; either way, what stands between rows keeps its bits.

use crate::common::data::{Data, make};
use crate::common::on_every_adapter;
use crate::device::{buffer, encoder, words};
use half::{bf16, f16};
use wgpu_xent::wgpu::{Backend, Buffer};
use wgpu_xent::{Avoid, CrossEntropy, CrossEntropyBuffers, DeviceMatrix, DeviceVector, Element, Gpu, Output};

const ROWS: usize = 5;

/// Short and longer rows, the last quad of each not full, with gaps between them: classes and stride. Whole quads can be read and written,
/// and halves of them.
const SHAPES: [(usize, usize); 4] = [(6, 8), (203, 208), (10, 14), (206, 210)];

/// NaN in every storage type, with bits that arithmetic would change.
const GAP: [u8; 4] = [0xa1, 0x7f, 0x91, 0x7f];

/// Rows of a matrix, and gaps.
fn placed<T: Element>(gpu: &Gpu, (classes, stride): (usize, usize), value: impl Fn(usize, usize) -> Option<T>) -> Buffer {
    let at = |i: usize| (i % stride < classes).then(|| value(i / stride, i % stride)).flatten();
    let bytes: Vec<u8> = (0..ROWS * stride)
        .flat_map(|i| match at(i) {
            Some(value) => bytemuck::bytes_of(&value).to_vec(),
            None => (0..size_of::<T>()).map(|byte| GAP[(i * size_of::<T>() + byte) % 4]).collect(),
        })
        .collect();
    buffer(gpu, &bytemuck::pod_collect_to_vec(&bytes))
}

/// Softmax, its gradient, and the loss's gradient in place; gaps and all.
fn results<T: Element>(gpu: &Gpu, shape: (usize, usize), of: fn(f32) -> T) -> [Vec<u32>; 3] {
    let (classes, stride) = shape;
    let (values, targets) = make(Data::Outliers, ROWS, classes, 23);
    let matrix = |buffer| DeviceMatrix::with_layout::<T>(buffer, 0, ROWS, classes, stride).unwrap();
    let logits = placed(gpu, shape, |row, class| Some(of(values[row * classes + class])));
    let upstream = placed(gpu, shape, |row, class| Some(of((row + class) as f32 / 64.0)));
    let [softmax, backward] = [(); 2].map(|()| placed::<T>(gpu, shape, |_, _| None));
    let targets = buffer(gpu, &targets.iter().map(|&target| target as u32).collect::<Vec<_>>());
    let mut encoder = encoder(gpu);
    gpu.record_softmax(&mut encoder, &matrix(&logits), Output::To(matrix(&softmax))).unwrap();
    gpu.record_softmax_backward(&mut encoder, &matrix(&softmax), &matrix(&upstream), Output::To(matrix(&backward))).unwrap();
    let buffers =
        CrossEntropyBuffers { gradient: Some(Output::InPlace), ..CrossEntropyBuffers::new(matrix(&logits), DeviceVector::new(&targets)) };
    gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new()).unwrap();
    gpu.queue().submit([encoder.finish()]);
    [softmax, backward, logits].map(|buffer| words(gpu, &buffer))
}

fn check<T: Element>(gpu: &Gpu, of: fn(f32) -> T) {
    for shape in SHAPES {
        let (classes, stride) = shape;
        let what = format!("{}, {shape:?}, {}", gpu.describe(), T::STORAGE);
        let wide = results(gpu, shape, of);
        assert!(wide == results(&gpu.avoiding(&[Avoid::WideWords]), shape, of), "{what}: other bits");
        for result in &wide {
            let bytes: &[u8] = bytemuck::cast_slice(result);
            for (i, element) in bytes.chunks(size_of::<T>()).enumerate() {
                let gap: Vec<u8> = (0..element.len()).map(|byte| GAP[(i * element.len() + byte) % 4]).collect();
                assert_eq!(element == gap, i % stride >= classes, "{what}: element {i} is {element:x?}");
            }
        }
    }
}

#[test]
fn words_of_64_bits_change_no_bit() {
    on_every_adapter(|gpu| {
        let is_lavapipe = gpu.info().name.starts_with("llvmpipe") && gpu.info().backend == Backend::Vulkan;
        assert_eq!(gpu.caps().wide_words, is_lavapipe, "{}", gpu.describe());
        // A texture would be read in the place of the logits.
        let gpu = &gpu.with_texture_reads(false);
        check::<f32>(gpu, |x| x);
        check::<f16>(gpu, f16::from_f32);
        check::<bf16>(gpu, bf16::from_f32);
    });
}
