//! One shape and storage type on one adapter: what must come out, and the times of the operations beside the ceilings.

use std::cell::Cell;

use wgpu_xent::{Error, Gpu, Storage};

use crate::ceilings::{Ceiling, Kernels};
use crate::data::Data;
use crate::device::read_bytes;
use crate::expected::Reference;
use crate::record::{CEILING, Record, adapter_of};
use crate::set::Set;
use crate::values::widened;
use crate::{Clock, Limits, Operation, Shape, Time, cache, interleaved_times};

/// Why there is no measurement.
#[derive(Debug)]
pub enum Problem {
    /// The adapter cannot do it.
    Refused(String),
    /// It did, and the result is wrong.
    Wrong(String),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Refused(error.to_string())
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(why) | Self::Wrong(why) => f.write_str(why),
        }
    }
}

/// The data and the buffers, in several sets that are used in turn: a sample finds nothing of its set in a cache.
#[derive(Debug)]
pub struct Case {
    pub(crate) gpu: Gpu,
    pub(crate) data: Data,
    pub(crate) sets: Vec<Set>,
    kernels: Kernels,
    clock: Clock,
    next: Cell<usize>,
    reference: Reference,
    cache: u64,
}

impl Case {
    /// Makes the data and the buffers.
    ///
    /// # Errors
    /// [`Problem::Refused`] if the adapter has no room for them.
    pub fn new(gpu: &Gpu, shape: Shape, storage: Storage) -> Result<Self, Problem> {
        let bytes = (shape.elements() * storage.bytes()) as u64;
        if bytes.next_multiple_of(16) > gpu.caps().max_buffer {
            return Err(Problem::Refused(format!("{bytes} bytes of logits, a buffer has at most {}", gpu.caps().max_buffer)));
        }
        let (data, kernels, cache) = (Data::new(shape, storage), Kernels::new(gpu, storage), cache::last_level(gpu));
        let sets = cache::sets(cache, bytes, Set::bytes(shape, storage));
        let sets = (0..sets).map(|_| Set::new(gpu, &data, &kernels)).collect::<Result<Vec<_>, _>>()?;
        let clock = Clock::new(gpu);
        Ok(Self { gpu: gpu.clone(), data, sets, kernels, clock, next: Cell::new(0), reference: Reference::default(), cache })
    }

    /// The shape.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.data.shape
    }

    /// How logits are stored.
    #[must_use]
    pub fn storage(&self) -> Storage {
        self.data.storage
    }

    /// Where.
    #[must_use]
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// One line on the buffers used in turn: how many sets of logits, and what part of the cache they are.
    #[must_use]
    pub fn rotation(&self) -> String {
        let (sets, bytes) = (self.sets.len(), self.data.bytes());
        let times = (sets as u64 * bytes) as f64 / self.cache as f64;
        let mib = |bytes: u64| bytes as f64 / (1 << 20) as f64;
        format!(
            "{sets} sets of buffers in turn, {:.2} MiB of logits each: {times:.1} times a cache of {:.0} MiB",
            mib(bytes),
            mib(self.cache)
        )
    }

    /// The next set's turn.
    pub(crate) fn turn(&self) -> &Set {
        let turn = self.next.get();
        self.next.set((turn + 1) % self.sets.len());
        &self.sets[turn]
    }

    /// One timed call on the next set. In place, the input is restored behind it, so that it is not in a cache at its next turn.
    /// `gpu` may force a strategy.
    ///
    /// # Errors
    /// Those of recording the operation.
    pub fn run_once(&self, gpu: &Gpu, operation: &Operation) -> wgpu_xent::Result<Time> {
        let set = self.turn();
        let time = self.clock.time(|encoder| (operation.record)(set, gpu, encoder))?;
        if operation.is_in_place() {
            set.restore(gpu);
        }
        Ok(time)
    }

    fn ceiling_once(&self, ceiling: Ceiling) -> Time {
        let set = self.turn();
        let time = self.clock.time(|encoder| {
            set.ceilings.record(&self.kernels, ceiling, encoder);
            Ok(())
        });
        time.expect("a ceiling is always recorded")
    }

    /// One call, and a comparison of everything that it wrote with the reference.
    ///
    /// # Errors
    /// [`Problem`], of either kind.
    pub fn check(&self, gpu: &Gpu, operation: &Operation) -> Result<(), Problem> {
        let set = self.turn();
        set.clear(gpu);
        self.clock.time(|encoder| (operation.record)(set, gpu, encoder))?;
        for &(place, answer) in operation.checks {
            let (expected, storage) = (self.reference.of(&self.data, answer), answer.storage(self.data.storage));
            let bytes = (answer.len(&self.data) * storage.bytes()) as u64;
            let got = read_bytes(gpu, set.place(place), bytes, |bytes| widened(bytes, storage));
            let worst = answer.worst(&got, &expected, self.data.storage);
            if worst.is_nan() || worst > 1.0 {
                let what = format!("{} {} {} on {}", operation.name, self.data.shape, self.data.storage, gpu.describe());
                return Err(Problem::Wrong(format!("{what}: {answer:?} is off by {worst:.1e} times what passes")));
            }
        }
        if operation.is_in_place() {
            set.restore(gpu);
        }
        Ok(())
    }

    /// That each ceiling reads and writes what it should.
    ///
    /// # Errors
    /// [`Problem::Wrong`].
    pub fn check_ceilings(&self) -> Result<(), Problem> {
        for ceiling in Ceiling::ALL {
            let set = &self.sets[self.next.get()];
            set.clear(&self.gpu);
            self.ceiling_once(ceiling);
            if !set.ceilings.is_right(&self.gpu, ceiling, &self.data, &set.result) {
                let what = format!("the ceiling {} {} on {}", ceiling.name(), self.data.shape, self.gpu.describe());
                return Err(Problem::Wrong(format!("{what} is wrong")));
            }
        }
        Ok(())
    }

    /// The times of operations that were checked, all of them and the ceilings in turn: first the ceilings, then the operations.
    #[must_use]
    pub fn measure(&self, operations: &[&Operation], limits: Limits) -> Vec<Record> {
        let mut variants: Vec<Box<dyn FnMut() -> Time + '_>> = Vec::new();
        for ceiling in Ceiling::ALL {
            variants.push(Box::new(move || self.ceiling_once(ceiling)));
        }
        for &operation in operations {
            variants.push(Box::new(move || self.run_once(&self.gpu, operation).expect("it ran before")));
        }
        let times = interleaved_times(limits, &mut variants);
        let logits = self.data.bytes();
        let copy = times[0].wall.gb_s(Ceiling::Copy.bytes(logits));
        let record = |peer: &str, op: &str, plan: String| {
            let Shape { rows, classes } = self.data.shape;
            let (rows, classes, dtype) = (rows as u64, classes as u64, self.data.storage.to_string());
            let (adapter, sets) = (adapter_of(&self.gpu), self.sets.len() as u64);
            Record { adapter, peer: peer.into(), op: op.into(), rows, classes, dtype, plan, sets, ..Record::default() }
        };
        let ceilings = Ceiling::ALL.into_iter().map(|c| (record(CEILING, c.name(), self.kernels.plan(c)), c.bytes(logits)));
        let own = operations.iter().map(|o| {
            let plan = self.gpu.plan(&o.work(self.data.shape, self.data.storage));
            let plan = plan.map_or_else(|e| e.to_string(), |p| p.to_string());
            (record("wgpu-xent", o.name, plan), o.bytes(self.data.shape, self.data.storage))
        });
        ceilings.chain(own).zip(&times).map(|((record, bytes), times)| record.timed_by(times, bytes, copy)).collect()
    }
}
