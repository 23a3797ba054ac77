//! An earlier run beside this one.

use std::fs;

use xent_measure::Record;

use crate::failure::{Failure, Result};

/// The records of a file that `--json` wrote.
pub(super) fn read(path: &str) -> Result<Vec<Record>> {
    let text = fs::read_to_string(path).map_err(|error| Failure::input(format!("{path}: cannot read the file: {error}")))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let record = |(index, line): (usize, &str)| {
        Record::from_json(line).map_err(|problem| Failure::input(format!("{path}: line {}: no record: {problem}", index + 1)))
    };
    lines.map(record).collect()
}

/// A line for each thing that both measured, and what it amounts to.
pub(super) fn compared(old: &[Record], new: &[Record]) -> String {
    let pairs: Vec<_> = new.iter().filter_map(|n| old.iter().find(|o| o.is_of_same(n)).map(|o| (o, n))).collect();
    let mut text = format!("{:22} {:>14} {:>5} {:>9} {:>9} {:>8}\n", "operation", "shape", "type", "old ms", "new ms", "old/new");
    let (mut faster, mut slower, mut adapter) = (0, 0, "");
    for (old, new) in &pairs {
        if adapter != new.adapter {
            adapter = &new.adapter;
            text += &format!("{adapter}\n");
        }
        let mark = match Change::between(old, new) {
            Change::Within => "",
            Change::Faster => "  faster",
            Change::Slower => "  SLOWER",
        };
        faster += usize::from(mark == "  faster");
        slower += usize::from(mark == "  SLOWER");
        let shape = format!("{} x {}", new.rows, new.classes);
        let (op, ratio) = (new.op.as_str(), old.median_ms / new.median_ms);
        text += &format!("{op:22} {shape:>14} {:>5} {:9.3} {:9.3} {ratio:8.3}{mark}\n", new.dtype, old.median_ms, new.median_ms);
    }
    let alone = new.len() - pairs.len();
    text += &match (pairs.len(), faster, slower) {
        (0, ..) => "nothing that both have measured\n".to_owned(),
        (n, 0, 0) => format!("no change beyond the spread of either run, of {n} compared\n"),
        (n, ..) => format!("beyond the spread of both runs: {faster} faster, {slower} slower, of {n} compared\n"),
    };
    if alone > 0 && !pairs.is_empty() {
        text += &format!("{alone} not in the old file\n");
    }
    text
}

/// Whether the middle three fifths of the samples lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Within,
    Faster,
    Slower,
}

impl Change {
    fn between(old: &Record, new: &Record) -> Self {
        if new.p80_ms < old.p20_ms {
            Self::Faster
        } else if new.p20_ms > old.p80_ms {
            Self::Slower
        } else {
            Self::Within
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(op: &str, ms: f64) -> Record {
        Record { op: op.to_owned(), median_ms: ms, p20_ms: 0.9 * ms, p80_ms: 1.1 * ms, ..Record::default() }
    }

    #[test]
    fn only_what_lies_apart_is_a_change() {
        let old = [record("softmax", 1.0), record("loss", 1.0), record("backward", 1.0)];
        let new = [record("softmax", 1.1), record("loss", 2.0), record("backward", 0.5), record("logsumexp", 1.0)];
        let text = compared(&old, &new);
        let line = |op: &str| text.lines().find(|l| l.starts_with(op)).unwrap();
        assert!(line("softmax").ends_with("0.909") && line("loss").ends_with("0.500  SLOWER"), "{text}");
        assert!(line("backward").ends_with("2.000  faster"), "{text}");
        assert!(text.contains("1 faster, 1 slower, of 3 compared\n1 not in the old file\n"), "{text}");
    }

    #[test]
    fn the_same_twice_is_no_change() {
        let records = [record("softmax", 1.0), record("loss", 3.0)];
        assert!(compared(&records, &records).ends_with("no change beyond the spread of either run, of 2 compared\n"));
        assert!(compared(&records, &[]).ends_with("nothing that both have measured\n"));
    }
}
