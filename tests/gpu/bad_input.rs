//! The table of `docs/bad-input.md` about buffers on the device, and the views of them that the fuzzer found worth keeping.

#[path = "../../fuzz/src/device_views.rs"]
mod device_views;
#[path = "../../fuzz/src/draw.rs"]
#[expect(dead_code, reason = "other targets draw floats")]
mod draw;
#[path = "../../fuzz/src/replay.rs"]
mod replay;
#[path = "../common/told.rs"]
mod told;

use half::f16;
use wgpu::BufferUsages as Usage;
use wgpu_xent::{
    CrossEntropy, CrossEntropyBuffers, DeviceMask, DeviceMatrix, DeviceVector, Error, LogitTransform, Output, Result, TransformBuffers,
};

use crate::common::gpu;

#[test]
fn fuzzed_device_views() {
    let buffers = device_views::buffers(gpu().device());
    replay::replay("device_views", |bytes| device_views::run(&buffers, bytes));
}

/// The size of a block overflowed where there was none of them.
#[test]
fn no_device_blocks_of_more_elements_than_can_be_counted() {
    let [_, buffer, ..] = device_views::buffers(gpu().device());
    let error = DeviceMatrix::with_blocks::<f32>(&buffer, 0, 0, usize::MAX, 2, 0).unwrap_err();
    assert!(matches!(error, Error::TooLarge { what: "a device matrix", unit: "elements", .. }), "{error}");
}

#[test]
fn bad_input_device_buffers() {
    let device = gpu().device();
    let buffer = |size, usage| device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false });
    let all = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
    let (a, b, bare) = (buffer(96, all), buffer(96, all), buffer(96, Usage::COPY_SRC));
    let mut rows = vec![];
    let mut told = |tried, result: Result<()>| rows.push((tried, result.unwrap_err().to_string()));
    told("a matrix longer than its buffer", DeviceMatrix::new::<f32>(&a, 5, 5).map(drop));
    told("a matrix that begins between words", DeviceMatrix::with_layout::<f16>(&a, 2, 2, 2, 2).map(drop));
    told("a matrix that begins behind its buffer", DeviceMatrix::with_layout::<f32>(&a, 1 << 40, 1, 1, 1).map(drop));
    told("an offset of nearly 2^64", DeviceMatrix::with_layout::<f32>(&a, u64::MAX - 3, 2, 2, 2).map(drop));
    told("a stride below the classes", DeviceMatrix::with_layout::<f32>(&a, 0, 2, 2, 1).map(drop));
    told("rows x stride above 2^64", DeviceMatrix::with_layout::<f32>(&a, 0, 3, 2, usize::MAX).map(drop));
    told("rows of no classes", DeviceMatrix::new::<f32>(&a, 2, 0).map(drop));
    told("blocks beyond 2^64, none of them", DeviceMatrix::with_blocks::<f32>(&a, 0, 0, usize::MAX, 2, 0).map(drop));
    told("a buffer that cannot be bound", DeviceMatrix::new::<f32>(&bare, 2, 2).map(drop));

    let x = DeviceMatrix::new::<f32>(&a, 4, 3).unwrap();
    let result = DeviceMatrix::new::<f32>(&b, 4, 3).unwrap();
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let e = &mut encoder;
    told("a result of another shape", gpu().record_softmax(e, &x, Output::To(DeviceMatrix::new::<f32>(&b, 3, 3).unwrap())));
    let behind = DeviceMatrix::with_layout::<f32>(&a, 48, 4, 3, 3).unwrap();
    told("a result elsewhere in the input's buffer", gpu().record_softmax(e, &x, Output::To(behind)));
    told("a vector longer than its buffer", gpu().record_logsumexp(e, &x, DeviceVector::with_offset(&b, 84)));
    told("a vector that begins between words", gpu().record_logsumexp(e, &x, DeviceVector::with_offset(&b, 2)));
    told("a vector that nothing can be copied to", gpu().record_logsumexp(e, &x, DeviceVector::new(&bare)));
    let mask = TransformBuffers { mask: Some(DeviceMask::per_row(&b, 84)), ..TransformBuffers::default() };
    told("masks longer than their buffer", gpu().record_softmax_with(e, &x, &LogitTransform::new(), &mask, Output::InPlace));
    let mask = TransformBuffers { mask: Some(DeviceMask::shared(&b, 0)), ..TransformBuffers::default() };
    told("a result over the masks", gpu().record_softmax_with(e, &x, &LogitTransform::new(), &mask, Output::To(result)));
    let scales = LogitTransform::new().scale(&[1.0; 4][..]);
    told("scales in a slice", gpu().record_softmax_with(e, &x, &scales, &TransformBuffers::default(), Output::InPlace));
    let mut loss = |tried, buffers: &CrossEntropyBuffers<'_>, options: &CrossEntropy<'_>| {
        told(tried, gpu().record_cross_entropy(e, buffers, options).map(drop));
    };
    loss("too few targets", &CrossEntropyBuffers::new(x, DeviceVector::with_offset(&b, 84)), &CrossEntropy::new());
    let buffers = CrossEntropyBuffers::new(x, DeviceVector::new(&b));
    loss("an index to ignore that no target can be", &buffers, &CrossEntropy::new().ignore_index(1 << 40));
    told::check_section("buffers on the device", &rows);
}
