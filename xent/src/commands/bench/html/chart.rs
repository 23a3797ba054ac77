//! Bandwidth over row length: one panel an operation, a line for each storage type, below the copy's.

use xent_measure::Record;

use super::scale::{Scale, short};
use crate::page::escaped;

const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 212.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 332.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 178.0;

/// The records of one adapter, and the axes that its panels share.
pub(super) struct Chart<'a> {
    records: &'a [Record],
    dtypes: Vec<&'a str>,
    x: Scale,
    y: Scale,
}

impl<'a> Chart<'a> {
    pub(super) fn new(records: &'a [Record]) -> Self {
        let mut dtypes: Vec<&str> = Vec::new();
        for record in records {
            if !dtypes.contains(&record.dtype.as_str()) {
                dtypes.push(&record.dtype);
            }
        }
        let classes = || records.iter().map(|r| r.classes as f64);
        let (low, high) = (classes().fold(f64::INFINITY, f64::min), classes().fold(1.0, f64::max));
        // A write is faster than all else where nothing is loaded: it would press the rest to the ground.
        let shown = records.iter().filter(|r| !r.is_ceiling() || matches!(r.op.as_str(), "copy" | "read"));
        let largest = shown.map(|r| r.gb_s).fold(0.0, f64::max);
        let (x, y) = (Scale::log(low.min(high), high, LEFT, RIGHT), Scale::linear(largest, BOTTOM, TOP));
        Self { records, dtypes, x, y }
    }

    /// The operations, in the order in which they were measured.
    pub(super) fn operations(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        for record in self.records.iter().filter(|r| !r.is_ceiling()) {
            if !names.contains(&record.op.as_str()) {
                names.push(&record.op);
            }
        }
        names
    }

    pub(super) fn legend(&self) -> String {
        let sample = |mark: &str, text: &str| format!("<span><svg viewBox=\"0 0 26 12\">{mark}</svg>{}</span>", escaped(text));
        let line = |class: &str| format!("<path class=\"{class}\" d=\"M0 6H26\"/>");
        let types = self.dtypes.iter().enumerate().map(|(i, dtype)| sample(&line(&format!("line s{}", i % 3)), dtype));
        let first = self.dtypes.first().copied().unwrap_or_default();
        let ceilings = [sample(&line("ceiling"), &format!("copy, {first}")), sample(&line("read"), &format!("read, {first}"))];
        format!("<div class=\"legend\">{}</div>", types.chain(ceilings).collect::<String>())
    }

    /// One operation beside the ceilings.
    pub(super) fn panel(&self, operation: &str) -> String {
        let first = self.dtypes.first().copied().unwrap_or_default();
        let (copy, read) = (self.points(true, "copy", first), self.points(true, "read", first));
        let mut svg = self.axes();
        if let (Some(start), Some(end)) = (copy.first(), copy.last()) {
            svg += &format!("<path class=\"under\" d=\"{}L{:.1} {BOTTOM}L{:.1} {BOTTOM}Z\"/>", path(&copy), end.0, start.0);
        }
        svg += &format!("<path class=\"ceiling\" d=\"{}\"/><path class=\"read\" d=\"{}\"/>", path(&copy), path(&read));
        for (i, dtype) in self.dtypes.iter().enumerate() {
            let points = self.points(false, operation, dtype);
            svg += &format!("<path class=\"line s{}\" d=\"{}\"/>", i % 3, path(&points));
            for (x, y, record) in points {
                let title = format!(
                    "{operation} {} x {} {dtype}: {:.2} GB/s, {:.0}% of the copy, {:.3} ms",
                    record.rows,
                    record.classes,
                    record.gb_s,
                    100.0 * record.share_of_copy,
                    record.median_ms
                );
                svg += &format!(
                    "<circle class=\"dot f{}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"><title>{}</title></circle>",
                    i % 3,
                    escaped(&title)
                );
            }
        }
        let label = format!("{operation}: bandwidth over row length");
        format!(
            "<div class=\"card panel\"><b>{}</b><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">{svg}</svg></div>",
            escaped(operation),
            escaped(&label)
        )
    }

    /// Of the shapes with rows of the same length, each is a point.
    fn points(&self, is_ceiling: bool, op: &str, dtype: &str) -> Vec<(f64, f64, &'a Record)> {
        let wanted = self.records.iter().filter(|r| r.is_ceiling() == is_ceiling && r.op == op && r.dtype == dtype);
        let mut records: Vec<_> = wanted.collect();
        records.sort_by_key(|r| (r.classes, r.rows));
        records.into_iter().map(|r| (self.x.at(r.classes as f64), self.y.at(r.gb_s), r)).collect()
    }

    fn axes(&self) -> String {
        let across = self.y.ticks().into_iter().map(|tick| {
            let y = self.y.at(tick);
            let line = format!("<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>");
            format!("{line}<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>", LEFT - 6.0, y + 4.0, short(tick))
        });
        let down = self.x.ticks().into_iter().map(|tick| {
            let x = self.x.at(tick);
            let line = format!("<path class=\"grid\" d=\"M{x:.1} {BOTTOM}v4\"/>");
            format!("{line}<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>", BOTTOM + 17.0, short(tick))
        });
        let unit = format!("<text x=\"{:.1}\" y=\"11\" text-anchor=\"end\">GB/s</text>", LEFT - 6.0);
        let below = format!("<text x=\"{RIGHT}\" y=\"{:.1}\" text-anchor=\"end\">classes of a row</text>", HEIGHT - 2.0);
        across.chain(down).chain([unit, below]).collect()
    }
}

fn path(points: &[(f64, f64, &Record)]) -> String {
    let pieces = points.iter().enumerate().map(|(i, (x, y, _))| format!("{}{x:.1} {y:.1}", if i == 0 { "M" } else { "L" }));
    pieces.collect()
}
