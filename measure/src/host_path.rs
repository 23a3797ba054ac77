//! What one call from slices consists of: upload, kernel, readback, and what the library does besides.

use half::{bf16, f16};
use wgpu_xent::{CrossEntropy, Element, LogitTransform, Logits, Storage, Targets, wgpu};

use crate::device::{read_through, staging, wait};
use crate::{Case, Limits, Operation, interleaved};

/// The call of the host level.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HostCall {
    Softmax,
    Loss,
    LossAndGradient,
}

/// Medians in milliseconds: the parts measured apart, and the whole.
#[derive(Clone, Debug)]
pub struct HostPath {
    /// The operation.
    pub op: &'static str,
    /// Logits and targets into resident buffers.
    pub upload: f64,
    /// The recorded call.
    pub kernel: f64,
    /// The results into a slice.
    pub readback: f64,
    /// From slices to slices, by the library.
    pub total: f64,
    /// Bytes that the upload moves.
    pub up_bytes: u64,
    /// Bytes that the readback moves.
    pub down_bytes: u64,
}

impl HostPath {
    /// What is left of the whole: nothing where its parts overlap.
    #[must_use]
    pub fn rest(&self) -> f64 {
        (self.total - self.upload - self.kernel - self.readback).max(0.0)
    }
}

impl Case {
    /// The path of an operation that was checked; none if it has no call of the host level here.
    ///
    /// # Errors
    /// Those of the call.
    pub fn host_path(&self, operation: &Operation, limits: Limits) -> Option<wgpu_xent::Result<HostPath>> {
        let call = operation.host?;
        Some(match self.data.storage {
            Storage::F16 => self.path_as::<f16>(operation, call, limits),
            Storage::Bf16 => self.path_as::<bf16>(operation, call, limits),
            _ => self.path_as::<f32>(operation, call, limits),
        })
    }

    fn path_as<T: Element>(&self, operation: &Operation, call: HostCall, limits: Limits) -> wgpu_xent::Result<HostPath> {
        let bytes = self.data.all();
        let elements: Vec<T> = bytemuck::pod_collect_to_vec(&bytes);
        let logits = Logits::new(&elements, self.data.shape.rows, self.data.shape.classes)?;
        let targets = Targets::new(&self.data.targets);
        let whole = || -> wgpu_xent::Result<f64> {
            let start = std::time::Instant::now();
            match call {
                HostCall::Softmax => drop(self.gpu.softmax_as::<T>(&logits, &LogitTransform::new())?),
                HostCall::Loss => drop(self.gpu.cross_entropy(&logits, &targets, &CrossEntropy::new())?),
                HostCall::LossAndGradient => {
                    drop(self.gpu.cross_entropy_as::<T>(&logits, &targets, &CrossEntropy::new().gradient(true))?);
                }
            }
            Ok(start.elapsed().as_secs_f64() * 1e3)
        };
        whole()?;

        let has_targets = !matches!(call, HostCall::Softmax);
        let upload = || {
            let (set, start) = (self.turn(), std::time::Instant::now());
            // Whole words: what lies behind the last element stays.
            let words = bytes.len() / 4 * 4;
            self.gpu.queue().write_buffer(&set.logits, 0, &bytes[..words]);
            if has_targets {
                self.gpu.queue().write_buffer(&set.targets, 0, bytemuck::cast_slice(&self.data.targets));
            }
            self.gpu.queue().submit([]);
            wait(&self.gpu);
            start.elapsed().as_secs_f64() * 1e3
        };
        let back = if matches!(call, HostCall::Loss) { 4 } else { self.data.bytes() };
        let staging = staging(&self.gpu, back);
        let readback = || {
            let (set, start) = (self.turn(), std::time::Instant::now());
            let from: &wgpu::Buffer = if matches!(call, HostCall::Loss) { &set.rows_out } else { &set.result };
            let copied = read_through(&self.gpu, from, &staging, <[u8]>::to_vec);
            let elapsed = start.elapsed().as_secs_f64() * 1e3;
            drop(copied);
            elapsed
        };
        let times = interleaved(
            limits,
            &mut [
                Box::new(upload),
                Box::new(|| self.run_once(&self.gpu, operation).expect("it ran before").wall_ms),
                Box::new(readback),
                Box::new(|| whole().expect("it ran before")),
            ],
        );
        let [upload, kernel, readback, total] = [0, 1, 2, 3].map(|i| times[i].median());
        let up_bytes = bytes.len() as u64 + if has_targets { self.data.targets.len() as u64 * 4 } else { 0 };
        Ok(HostPath { op: operation.name, upload, kernel, readback, total, up_bytes, down_bytes: back })
    }
}
