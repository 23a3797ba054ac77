//! The table of operations: what each must move, how it is recorded, and what must come out.

use wgpu_xent::{CrossEntropy, CrossEntropyBuffers, DeviceVector, Gpu, Output, Result, Storage, Work, wgpu};

use crate::Shape;
use crate::expected::Answer;
use crate::host_path::HostCall;
use crate::set::Set;

/// What an operation is, and the bytes that it cannot do without.
#[derive(Debug)]
pub struct Operation {
    /// Its name in results.
    pub name: &'static str,
    /// Matrices of the logits' size, read or written.
    matrices: u64,
    /// 32-bit words a row, read or written.
    words: u64,
    /// Whether elements are written.
    elements: bool,
    /// Records the call.
    pub(crate) record: fn(&Set, &Gpu, &mut wgpu::CommandEncoder) -> Result<()>,
    /// What must be where afterwards.
    pub(crate) checks: &'static [(Place, Answer)],
    /// The same from slices, if its path is measured.
    pub(crate) host: Option<HostCall>,
}

/// Where results go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    Output,
    Input,
    Rows,
}

/// All of them. The bytes are those of an implementation that reads everything once.
pub static OPERATIONS: [Operation; 7] = [
    Operation {
        name: "softmax",
        matrices: 2,
        words: 0,
        elements: true,
        record: |s, gpu, e| gpu.record_softmax(e, &s.matrix(&s.logits), Output::To(s.matrix(&s.result))),
        checks: &[(Place::Output, Answer::Softmax)],
        host: Some(HostCall::Softmax),
    },
    Operation {
        name: "log_softmax",
        matrices: 2,
        words: 0,
        elements: true,
        record: |s, gpu, e| gpu.record_log_softmax(e, &s.matrix(&s.logits), Output::To(s.matrix(&s.result))),
        checks: &[(Place::Output, Answer::LogSoftmax)],
        host: None,
    },
    Operation {
        name: "logsumexp",
        matrices: 1,
        words: 1,
        elements: false,
        record: |s, gpu, e| gpu.record_logsumexp(e, &s.matrix(&s.logits), DeviceVector::new(&s.rows_out)),
        checks: &[(Place::Rows, Answer::LogSumExp)],
        host: None,
    },
    Operation {
        name: "loss",
        matrices: 1,
        words: 1,
        elements: false,
        record: |s, gpu, e| s.record_loss(gpu, e, &s.logits, None),
        checks: &[(Place::Rows, Answer::Loss)],
        host: Some(HostCall::Loss),
    },
    Operation {
        name: "loss+gradient",
        matrices: 2,
        words: 1,
        elements: true,
        record: |s, gpu, e| s.record_loss(gpu, e, &s.logits, Some(Output::To(s.matrix(&s.result)))),
        checks: &[(Place::Rows, Answer::Loss), (Place::Output, Answer::Gradient)],
        host: Some(HostCall::LossAndGradient),
    },
    Operation {
        name: "loss+gradient in place",
        matrices: 2,
        words: 1,
        elements: true,
        record: |s, gpu, e| s.record_loss(gpu, e, &s.in_place, Some(Output::InPlace)),
        checks: &[(Place::Rows, Answer::Loss), (Place::Input, Answer::Gradient)],
        host: None,
    },
    Operation {
        name: "backward",
        matrices: 2,
        words: 16,
        elements: true,
        record: |s, gpu, e| {
            let buffers = CrossEntropyBuffers {
                states: Some(DeviceVector::new(&s.states)),
                gradient: Some(Output::To(s.matrix(&s.result))),
                ..CrossEntropyBuffers::new(s.matrix(&s.logits), DeviceVector::new(&s.targets))
            };
            gpu.record_cross_entropy(e, &buffers, &CrossEntropy::new()).map(drop)
        },
        checks: &[(Place::Output, Answer::Gradient)],
        host: None,
    },
];

impl Operation {
    /// The bytes that it must move.
    #[must_use]
    pub fn bytes(&self, shape: Shape, storage: Storage) -> u64 {
        self.matrices * (shape.elements() * storage.bytes()) as u64 + self.words * shape.rows as u64 * 4
    }

    /// What it asks of the planner.
    #[must_use]
    pub fn work(&self, shape: Shape, storage: Storage) -> Work {
        let mut work = Work::dense(shape.rows as u64, shape.classes as u64, storage, self.elements);
        // The logits can be copied, and their buffers are whole texels long.
        work.can_copy = true;
        work
    }

    pub(crate) fn is_in_place(&self) -> bool {
        self.checks.iter().any(|(place, _)| *place == Place::Input)
    }
}
