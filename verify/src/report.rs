//! What a run found.

use wgpu_xent::{Caps, Quirk, Storage, Strategy};

use crate::common::{self, Common};
use crate::compare::Worst;
use crate::matrix::Shape;

/// How a result came out.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was compared: the value that is worst off in terms of its bound, and the row and class that it belongs to, if it does.
    #[expect(missing_docs, reason = "said by the variant")]
    Compared { worst: Option<Worst>, row: Option<usize>, class: Option<usize> },
    /// There was nothing to compare: an error of the call, or another number of values.
    Error(String),
}

/// One result of one case.
#[derive(Clone, Debug)]
pub struct Record {
    /// The operation, by the name of its method.
    pub operation: &'static str,
    /// Its options, in words; empty for the defaults.
    pub options: &'static str,
    /// The strategy that was forced; none where the library chose.
    pub forced: Option<Strategy>,
    /// The strategy of the plan.
    pub strategy: Strategy,
    /// Whether logits were read through a texture.
    pub texture: bool,
    /// Whether the kernel used subgroup operations.
    pub subgroups: bool,
    /// Whether it read or wrote quads as words of 64 bits, as far as a shape tells.
    pub wide_words: bool,
    /// How inputs were stored.
    pub storage: Storage,
    /// What the inputs looked like.
    pub data: String,
    /// The shape of the logits.
    pub shape: Shape,
    /// Whether a result of the call has that shape.
    pub writes: bool,
    /// Which result of the call.
    pub result: &'static str,
    /// What came out of the comparison.
    pub outcome: Outcome,
}

impl Record {
    /// The largest error as a share of its bound; infinite where there is no comparing.
    #[must_use]
    pub fn share(&self) -> f64 {
        match &self.outcome {
            Outcome::Compared { worst, .. } => worst.map_or(0.0, |worst| worst.share),
            Outcome::Error(_) => f64::INFINITY,
        }
    }

    /// Whether it is within its bound.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.share() <= 1.0
    }

    /// How the strategy is named: `planned`, or that which was forced.
    #[must_use]
    pub fn strategy_name(&self) -> String {
        self.forced.map_or_else(|| "planned".to_owned(), |strategy| strategy.to_string())
    }
}

/// All that a run found on one adapter.
#[derive(Clone, Debug)]
pub struct Report {
    /// The adapter in one line.
    pub adapter: String,
    /// Its name.
    pub name: String,
    /// Its backend.
    pub backend: String,
    /// Its driver and the driver's version.
    pub driver: String,
    /// The numbers that plans were chosen from.
    pub caps: Caps,
    /// The known quirks of the adapter.
    pub quirks: Vec<&'static Quirk>,
    /// Every result of every case, in the order in which they ran.
    pub records: Vec<Record>,
    /// Cases that a forced strategy cannot serve, and why: not failures.
    pub refused: Vec<String>,
    /// Whether it ended at a failure before all cases had run.
    pub stopped: bool,
    /// How long it took.
    pub seconds: f64,
}

/// The worst of an operation.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// The operation.
    pub operation: &'static str,
    /// Its results.
    pub records: Vec<&'a Record>,
}

impl<'a> Line<'a> {
    /// The result that is worst off.
    #[must_use]
    pub fn worst(&self) -> Option<&'a Record> {
        self.records.iter().copied().max_by(|a, b| a.share().total_cmp(&b.share()))
    }

    /// How many are beyond their bounds.
    #[must_use]
    pub fn failures(&self) -> usize {
        self.records.iter().filter(|record| !record.passed()).count()
    }

    /// The largest share of a bound under a strategy, by its name; none if it was not tried.
    #[must_use]
    pub fn share_of(&self, strategy: &str) -> Option<f64> {
        let of = self.records.iter().filter(|record| record.strategy_name() == strategy);
        of.map(|record| record.share()).max_by(f64::total_cmp)
    }
}

impl Report {
    /// Whether every result of every case is within its bound, and there are some.
    #[must_use]
    pub fn passed(&self) -> bool {
        !self.records.is_empty() && self.failures().next().is_none()
    }

    /// The results that are beyond their bounds.
    pub fn failures(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(|record| !record.passed())
    }

    /// The operations in the order in which they were tried.
    #[must_use]
    pub fn lines(&self) -> Vec<Line<'_>> {
        let mut lines: Vec<Line<'_>> = Vec::new();
        for record in &self.records {
            match lines.iter_mut().find(|line| line.operation == record.operation) {
                Some(line) => line.records.push(record),
                None => lines.push(Line { operation: record.operation, records: vec![record] }),
            }
        }
        lines
    }

    /// The names of the strategies that were tried, `planned` first.
    #[must_use]
    pub fn strategies(&self) -> Vec<String> {
        let all = std::iter::once("planned".to_owned()).chain(Strategy::ALL.map(|strategy| strategy.to_string()));
        all.filter(|name| self.records.iter().any(|record| record.strategy_name() == *name)).collect()
    }

    /// What the failures have in common that other cases have not.
    #[must_use]
    pub fn common(&self) -> Vec<Common> {
        common::of(&self.records)
    }
}
