//! Buffers and encoders that cannot be used: an error of the call, or wgpu's own where the caller ends and submits the encoder. Never a
//! panic of ours, and the GPU works on.

use super::wrapped_together;
use crate::device::{buffer, encoder};
use crate::host_path::Case;
use wgpu_xent::wgpu::{self, BufferUsages};
use wgpu_xent::{CrossEntropy, CrossEntropyBuffers, DeviceMatrix, DeviceVector, Error, Gpu, Output};

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    Nothing,
    Foreign,
    Destroyed,
    Mapped,
}

fn made(gpu: &Gpu, other: &Gpu, wrong: Wrong) -> wgpu::Buffer {
    let gpu = if wrong == Wrong::Foreign { other } else { gpu };
    let made = match wrong {
        Wrong::Mapped => gpu.device().create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 64 * 4,
            usage: BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST,
            mapped_at_creation: true,
        }),
        _ => buffer(gpu, &[0; 64]),
    };
    if wrong == Wrong::Destroyed {
        made.destroy();
    }
    made
}

/// Records and submits a loss with gradient; the error of the call, or the first that wgpu raised in the caller's own scope.
fn end(gpu: &Gpu, other: &Gpu, of_logits: Wrong, of_targets: Wrong, of_gradient: Wrong, foreign_encoder: bool) -> Result<(), String> {
    let [logits, targets, gradient] = [of_logits, of_targets, of_gradient].map(|wrong| made(gpu, other, wrong));
    let matrix = |buffer| DeviceMatrix::new::<f32>(buffer, 8, 8).unwrap();
    let buffers = CrossEntropyBuffers {
        gradient: Some(Output::To(matrix(&gradient))),
        ..CrossEntropyBuffers::new(matrix(&logits), DeviceVector::new(&targets))
    };
    let scopes = [gpu, other].map(|gpu| gpu.device().push_error_scope(wgpu::ErrorFilter::Validation));
    let mut encoder = encoder(if foreign_encoder { other } else { gpu });
    let end = match gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new()) {
        Err(Error::Gpu { message }) => Err(message),
        Err(error) => panic!("{error:?}"),
        Ok(pending) => {
            gpu.queue().submit([encoder.finish()]);
            pending.read(gpu).map(drop).map_err(|error| error.to_string())
        }
    };
    let raised = scopes.into_iter().rev().filter_map(|scope| pollster::block_on(scope.pop())).next();
    raised.map_or(end, |error| Err(error.to_string()))
}

#[test]
fn buffers_that_cannot_be_used() {
    use Wrong::{Destroyed, Foreign, Mapped, Nothing};
    // What belongs to another instance of wgpu, it takes for something of its own.
    let [gpu, other] = &wrapped_together();
    let case = Case::new((64, 10), 1);
    let expected = case.loss(gpu).unwrap();
    assert_eq!(end(gpu, other, Nothing, Nothing, Nothing, false), Ok(()));
    for (wrong, words) in [(Foreign, "device"), (Destroyed, "destroyed"), (Mapped, "mapped")] {
        for place in 0..3 {
            let [logits, targets, gradient] = std::array::from_fn(|i| if i == place { wrong } else { Nothing });
            let message = end(gpu, other, logits, targets, gradient, false).unwrap_err();
            assert!(message.to_lowercase().contains(words), "{wrong:?}, place {place}: {message}");
        }
    }
    let message = end(gpu, other, Nothing, Nothing, Nothing, true).unwrap_err();
    assert!(message.to_lowercase().contains("device"), "{message}");
    assert_eq!(end(gpu, other, Nothing, Nothing, Nothing, false), Ok(()));
    assert_eq!(case.loss(gpu).unwrap(), expected);
}
