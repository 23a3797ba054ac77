//! What failures have in common: which strategy, unit, storage or part of the kernels is at fault.

use wgpu_xent::{Avoid, Strategy};

use crate::report::Record;

/// A property that all failures have, and not all cases.
#[derive(Clone, Debug, PartialEq)]
pub struct Common {
    /// In words, after "all failures are".
    pub what: String,
    /// So many results failed that have it, of so many that do.
    pub failed: (usize, usize),
    /// What would keep the library from it, if there is something.
    pub avoid: Option<Avoid>,
}

impl std::fmt::Display for Common {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "all failures are {} ({} of {} such results fail)", self.what, self.failed.0, self.failed.1)?;
        self.avoid.map_or(Ok(()), |avoid| write!(f, "; try --avoid {avoid}"))
    }
}

/// A property by which cases differ: its words for a case that has it.
type Property = fn(&Record) -> Option<(String, Option<Avoid>)>;

fn plain(is: bool, what: &str) -> Option<(String, Option<Avoid>)> {
    is.then(|| (what.to_owned(), None))
}

const PROPERTIES: [Property; 13] = [
    |r| r.subgroups.then(|| ("in kernels that use subgroups".to_owned(), Some(Avoid::Subgroups))),
    |r| plain(!r.subgroups, "in kernels that do not use subgroups"),
    |r| r.texture.then(|| ("in kernels that read logits from a texture".to_owned(), Some(Avoid::TextureReads))),
    |r| r.wide_words.then(|| ("in kernels that read and write words of 64 bits".to_owned(), Some(Avoid::WideWords))),
    |r| Some((format!("of the strategy {}", r.strategy), Some(Avoid::Strategy(r.strategy)))),
    |r| plain(r.strategy.is_split(), "of strategies that split rows"),
    |r| {
        plain(
            matches!(r.strategy, Strategy::Workgroup | Strategy::SplitWorkgroup | Strategy::Held | Strategy::Tile),
            "of strategies with barriers",
        )
    },
    |r| Some((format!("of inputs stored as {}", r.storage), None)),
    |r| {
        Some((
            format!("of the operation {}{}", r.operation, if r.options.is_empty() { String::new() } else { format!(" ({})", r.options) }),
            None,
        ))
    },
    |r| Some((format!("of the result \"{}\"", r.result), None)),
    |r| Some((format!("of the data \"{}\"", r.data), None)),
    |r| plain(r.writes, "of calls that write elements"),
    |r| plain(r.shape.inner > 1, "of shapes with the classes in the middle"),
];

/// What all failures have and some passed cases lack, the most telling first; nothing if there are no failures.
pub(crate) fn of(records: &[Record]) -> Vec<Common> {
    let failures: Vec<&Record> = records.iter().filter(|record| !record.passed()).collect();
    let Some(first) = failures.first() else { return Vec::new() };
    let shared = |property: &Property| {
        let (what, avoid) = property(first)?;
        let has = |record: &Record| property(record).is_some_and(|(of, _)| of == what);
        if !failures.iter().all(|record| has(record)) {
            return None;
        }
        let such = records.iter().filter(|record| has(record)).count();
        (such < records.len()).then_some(Common { what, failed: (failures.len(), such), avoid })
    };
    let mut all: Vec<Common> = PROPERTIES.iter().filter_map(shared).collect();
    // That of which the largest part fails says most.
    all.sort_by(|a, b| (b.failed.0 * a.failed.1).cmp(&(a.failed.0 * b.failed.1)));
    all
}
