//! What a loss prints: lines for people, or a JSON object.

use std::time::Instant;

use serde_json::{Map, Value, json};

use crate::engine::Engine;
use crate::failure::Result;
use crate::terminal::{aligned, print};

/// Both forms of a report, in the order of what is added.
#[derive(Debug, Default)]
pub(crate) struct Report {
    lines: Vec<(String, String)>,
    fields: Map<String, Value>,
}

impl Report {
    /// A line of the text.
    pub(crate) fn line(&mut self, label: impl Into<String>, text: impl ToString) {
        self.lines.push((label.into(), text.to_string()));
    }

    /// A field of the JSON.
    pub(crate) fn field(&mut self, name: &str, value: impl Into<Value>) {
        self.fields.insert(name.to_owned(), value.into());
    }

    /// A count, in both.
    pub(crate) fn count(&mut self, label: &str, count: usize) {
        self.line(label, count);
        self.field(&label.replace(' ', "_"), count);
    }

    /// Adds where and how fast it was computed, and prints one of the forms.
    pub(crate) fn print(mut self, as_json: bool, engine: &Engine, start: Instant) -> Result<()> {
        let seconds = start.elapsed().as_secs_f64();
        self.line("adapter", engine.describe());
        self.field("adapter", engine.to_json());
        self.line("time", format!("{seconds:.3} s"));
        self.field("seconds", seconds);
        let lines: Vec<(&str, String)> = self.lines.iter().map(|(label, text)| (label.as_str(), text.clone())).collect();
        print(&if as_json { format!("{}\n", json!(self.fields)) } else { aligned(&lines) })
    }
}

/// A number as JSON, which has no words for those that are not finite.
pub(crate) fn number(value: f64) -> Value {
    if value.is_finite() {
        value.into()
    } else if value.is_nan() {
        "nan".into()
    } else if value > 0.0 {
        "inf".into()
    } else {
        "-inf".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_its_json() {
        let texts = [1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(|value| number(value).to_string());
        assert_eq!(texts, ["1.5", "\"nan\"", "\"inf\"", "\"-inf\""]);
    }
}
