//! Faults on demand: each place of a call where wgpu may refuse something is made to do so once. What the call took must be free
//! then, and the next call right.

use std::cell::Cell;

use crate::{
    AdapterChoice, CrossEntropy, CrossEntropyBuffers, DeviceMatrix, DeviceVector, Error, Gpu, Logits, Output, Result, Storage, Targets,
};

thread_local! {
    /// How many more places of this thread's calls do well before one does not.
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The fault, at the place where it is due.
pub(crate) fn strike(bytes: u64) -> Result<()> {
    match LEFT.get() {
        None => Ok(()),
        Some(0) => {
            LEFT.set(None);
            Err(Error::OutOfMemory { bytes, message: "struck".into() })
        }
        Some(left) => {
            LEFT.set(Some(left - 1));
            Ok(())
        }
    }
}

/// Makes a call fail at its first place, at its second, .., until it does well; how many places there are.
fn at_every_place<T: PartialEq + std::fmt::Debug>(gpu: &Gpu, call: impl Fn() -> Result<T>) -> usize {
    let expected = call().unwrap();
    for place in 0.. {
        LEFT.set(Some(place));
        let end = call();
        let left = LEFT.replace(None);
        assert_eq!(gpu.call_memory().in_use, 0, "place {place}");
        match end {
            Err(Error::OutOfMemory { message, .. }) if message == "struck" => {}
            Err(error) => panic!("place {place}: {error}"),
            Ok(value) => {
                assert!(value == expected && left.is_some(), "place {place} was struck, and the call went on");
                return place;
            }
        }
        assert_eq!(call().unwrap(), expected, "after place {place}");
    }
    unreachable!("a call has an end");
}

#[test]
fn wherever_memory_runs_out() {
    let gpu = &Gpu::open(&AdapterChoice::Index(0)).unwrap();
    let values: Vec<f32> = (0..3 * 2_500_000).map(|i| (i % 101) as f32 / 25.0).collect();
    let indices = [1_u32, 2, 3];
    let targets = Targets::new(&indices);
    let options = CrossEntropy::new().gradient(true).states(true);
    // One window, and three of one row each.
    let small = Logits::new(&values[..21], 3, 7).unwrap();
    let large = Logits::new(&values, 3, 2_500_000).unwrap();
    let bits = |values: Option<Vec<f32>>| values.unwrap().iter().map(|value| value.to_bits()).fold(0_u32, |a, b| a.rotate_left(5) ^ b);
    let awaited =
        || pollster::block_on(gpu.cross_entropy_async(&small, &targets, &options)).map(|result| (result.loss, bits(result.gradient)));
    let places = at_every_place(gpu, || gpu.cross_entropy(&small, &targets, &options).map(|result| (result.loss, bits(result.gradient))));
    assert!(places > 15, "{places} places");
    assert!(at_every_place(gpu, awaited) > 15);
    assert!(at_every_place(gpu, || gpu.logsumexp(&large).map(|values| bits(Some(values)))) > places);

    let make = |words: &[u32]| {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let buffer = gpu.scratch("of the caller", words.len() as u64 * 4, usage).unwrap();
        gpu.queue().write_buffer(&buffer, 0, bytemuck::cast_slice(words));
        buffer
    };
    let (logits, gradient, classes) = (make(&[0; 24]), make(&[0; 24]), make(&indices));
    let recorded = || {
        let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let matrix = |buffer| DeviceMatrix::new::<f32>(buffer, 3, 7);
        let buffers = CrossEntropyBuffers {
            gradient: Some(Output::To(matrix(&gradient)?)),
            ..CrossEntropyBuffers::new(matrix(&logits)?, DeviceVector::new(&classes))
        };
        let pending = gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new())?;
        gpu.queue().submit([encoder.finish()]);
        pending.read(gpu).map(|summary| summary.loss)
    };
    assert!(at_every_place(gpu, recorded) > 8);

    // Tuning measures as often as it likes: some places are enough.
    for place in (0..40).step_by(3) {
        LEFT.set(Some(place));
        let end = gpu.tune(&[(4, 4)], Storage::F32);
        LEFT.set(None);
        assert!(matches!(end, Err(Error::OutOfMemory { .. })), "{end:?}");
    }
    assert!(gpu.tune(&[(4, 4)], Storage::F32).is_ok());
}
