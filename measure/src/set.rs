//! One set of buffers, everything resident; a case has several and uses them in turn.

use half::{bf16, f16};
use wgpu_xent::{CrossEntropy, CrossEntropyBuffers, DeviceMatrix, DeviceVector, Gpu, Output, Result, RowState, Storage, wgpu};

use crate::Shape;
use crate::ceilings::{Bound, Kernels};
use crate::data::Data;
use crate::device::{buffer, encoder, filled, run};
use crate::operation::Place;

/// What an operation reads and writes.
#[derive(Debug)]
pub(crate) struct Set {
    shape: Shape,
    storage: Storage,
    pub(crate) logits: wgpu::Buffer,
    pub(crate) targets: wgpu::Buffer,
    pub(crate) states: wgpu::Buffer,
    pub(crate) result: wgpu::Buffer,
    pub(crate) rows_out: wgpu::Buffer,
    /// The logits again, to be overwritten.
    pub(crate) in_place: wgpu::Buffer,
    pub(crate) ceilings: Bound,
}

impl Set {
    /// The bytes of all its buffers.
    pub(crate) fn bytes(shape: Shape, storage: Storage) -> u64 {
        (3 * shape.elements() * storage.bytes() + shape.rows * (size_of::<RowState>() + 8)) as u64
    }

    /// Filled, and every buffer touched: fresh memory is slow.
    pub(crate) fn new(gpu: &Gpu, data: &Data, kernels: &Kernels) -> Result<Self> {
        let rows = data.shape.rows;
        let (logits, result) = (buffer(gpu, data.bytes()), buffer(gpu, data.bytes()));
        data.for_each_piece(|offset, bytes| {
            gpu.queue().write_buffer(&logits, offset, bytes);
            gpu.queue().submit([]);
        });
        let set = Self {
            shape: data.shape,
            storage: data.storage,
            targets: filled(gpu, &data.targets),
            states: buffer(gpu, (rows * size_of::<RowState>()) as u64),
            rows_out: buffer(gpu, rows as u64 * 4),
            in_place: buffer(gpu, data.bytes()),
            ceilings: kernels.bound(gpu, &logits, &result),
            logits,
            result,
        };
        set.save_forward(gpu)?;
        set.restore(gpu);
        set.clear(gpu);
        Ok(set)
    }

    /// What the backward pass needs.
    fn save_forward(&self, gpu: &Gpu) -> Result<()> {
        let buffers = CrossEntropyBuffers {
            new_states: Some(DeviceVector::new(&self.states)),
            ..CrossEntropyBuffers::new(self.matrix(&self.logits), DeviceVector::new(&self.targets))
        };
        let mut encoder = encoder(gpu);
        gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new())?;
        run(gpu, encoder);
        Ok(())
    }

    /// The logits once more where they are overwritten.
    pub(crate) fn restore(&self, gpu: &Gpu) {
        let mut restore = encoder(gpu);
        restore.copy_buffer_to_buffer(&self.logits, 0, &self.in_place, 0, self.logits.size());
        run(gpu, restore);
    }

    /// Nothing left over from another operation may pass a check.
    pub(crate) fn clear(&self, gpu: &Gpu) {
        let mut encoder = encoder(gpu);
        encoder.clear_buffer(&self.result, 0, None);
        encoder.clear_buffer(&self.rows_out, 0, None);
        run(gpu, encoder);
    }

    pub(crate) fn place(&self, place: Place) -> &wgpu::Buffer {
        match place {
            Place::Output => &self.result,
            Place::Input => &self.in_place,
            Place::Rows => &self.rows_out,
        }
    }

    pub(crate) fn matrix<'a>(&self, buffer: &'a wgpu::Buffer) -> DeviceMatrix<'a> {
        let Shape { rows, classes } = self.shape;
        let matrix = match self.storage {
            Storage::F16 => DeviceMatrix::new::<f16>(buffer, rows, classes),
            Storage::Bf16 => DeviceMatrix::new::<bf16>(buffer, rows, classes),
            _ => DeviceMatrix::new::<f32>(buffer, rows, classes),
        };
        matrix.expect("buffers fit the shape")
    }

    pub(crate) fn record_loss(
        &self,
        gpu: &Gpu,
        encoder: &mut wgpu::CommandEncoder,
        input: &wgpu::Buffer,
        gradient: Option<Output<'_>>,
    ) -> Result<()> {
        let buffers = CrossEntropyBuffers {
            loss: Some(DeviceVector::new(&self.rows_out)),
            gradient,
            ..CrossEntropyBuffers::new(self.matrix(input), DeviceVector::new(&self.targets))
        };
        gpu.record_cross_entropy(encoder, &buffers, &CrossEntropy::new()).map(drop)
    }
}
