//! Matrices in buffers on the device, whose geometry is anything: accepted if and only if every element lies in a buffer that can
//! be bound, by arithmetic that cannot overflow.

use wgpu::{Buffer, BufferDescriptor, BufferUsages, Device};
use wgpu_xent::{DeviceMatrix, Error};

use super::draw::{Draw, check_message};

/// Buffers that can be bound, and one that cannot.
pub(crate) fn buffers(device: &Device) -> [Buffer; 4] {
    let bound = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
    [(4, bound), (100, bound), (4096, bound), (4096, BufferUsages::COPY_SRC)]
        .map(|(size, usage)| device.create_buffer(&BufferDescriptor { label: None, size, usage, mapped_at_creation: false }))
}

pub(crate) fn run(buffers: &[Buffer; 4], bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    let buffer = &buffers[draw.below(4)];
    let (offset, blocks, classes) = (draw.number(), draw.size(), draw.size());
    let (inner, stride) = (draw.size(), draw.size());
    // What each constructor makes of them: the offset, the rows of a block, the stride and the bytes of an element.
    let (result, (offset, inner, stride, size)) = match draw.below(4) {
        0 => (DeviceMatrix::new::<f32>(buffer, blocks, classes), (0, 1, classes, 4)),
        1 => (DeviceMatrix::with_layout::<f32>(buffer, offset, blocks, classes, stride), (offset, 1, stride, 4)),
        2 => (DeviceMatrix::with_blocks::<f32>(buffer, offset, blocks, classes, inner, stride), (offset, inner, stride, 4)),
        _ => (DeviceMatrix::with_blocks::<half::f16>(buffer, offset, blocks, classes, inner, stride), (offset, inner, stride, 2)),
    };
    let wide = |n: usize| n as u128;
    let (rows, block) = (wide(blocks).saturating_mul(wide(inner)), wide(classes).saturating_mul(wide(inner)));
    let elements = if rows == 0 { 0 } else { (wide(blocks) - 1).saturating_mul(wide(stride)).saturating_add(block) };
    let end = u128::from(offset).saturating_add(elements.saturating_mul(size).saturating_add(3) / 4 * 4);
    let countable = inner <= 1 || block <= wide(usize::MAX);
    let shape = countable && (rows == 0 || classes > 0 && wide(stride) >= block);
    let fits = offset.is_multiple_of(4) && end <= u128::from(buffer.size()) && buffer.usage().contains(BufferUsages::STORAGE);
    assert_eq!(result.is_ok(), shape && fits, "{result:?} of {blocks} x {classes} x {inner}, stride {stride}, offset {offset}");
    match result {
        Ok(matrix) => assert_eq!((wide(matrix.rows()), matrix.classes()), (rows, classes)),
        Err(error) => {
            assert!(
                matches!(error, Error::NoClasses { .. } | Error::Stride { .. } | Error::Buffer { .. } | Error::TooLarge { .. }),
                "{error:?}"
            );
            check_message(&error);
        }
    }
}
