//! The rows of all windows that cannot have a loss.

use serde_json::{Map, Value, json};
use wgpu_xent::{FaultKind, FaultRows, Faults};

/// How many rows have each fault, and the first of them in the file.
#[derive(Debug, Default)]
pub(super) struct Counts {
    nan: FaultRows,
    positive_infinity: FaultRows,
    fully_masked: FaultRows,
}

impl Counts {
    /// Adds a window that begins with row `first`.
    pub(super) fn add(&mut self, first: usize, window: &Faults) {
        join(&mut self.nan, first, window.nan);
        join(&mut self.positive_infinity, first, window.positive_infinity);
        join(&mut self.fully_masked, first, window.fully_masked);
    }

    /// The faults that there are, with their names in JSON.
    fn present(&self) -> Vec<(FaultKind, &'static str, FaultRows)> {
        let all = [
            (FaultKind::Nan, "nan", self.nan),
            (FaultKind::PositiveInfinity, "positive_infinity", self.positive_infinity),
            (FaultKind::FullyMasked, "fully_masked", self.fully_masked),
        ];
        all.into_iter().filter(|(_, _, rows)| rows.count > 0).collect()
    }

    /// One line, if there are faults.
    pub(super) fn to_text(&self, empty_denominator: bool) -> Option<String> {
        let rows = |(kind, _, rows): (FaultKind, &str, FaultRows)| {
            format!("{kind}: {} (first row {})", rows.count, rows.first.unwrap_or_default())
        };
        let mut texts: Vec<String> = self.present().into_iter().map(rows).collect();
        if empty_denominator {
            texts.push(FaultKind::EmptyDenominator.to_string());
        }
        (!texts.is_empty()).then(|| texts.join(", "))
    }

    pub(super) fn to_json(&self, empty_denominator: bool) -> Value {
        let rows = |rows: FaultRows| json!({"rows": rows.count, "first_row": rows.first});
        let mut object: Map<String, Value> = self.present().into_iter().map(|(_, name, of)| (name.to_owned(), rows(of))).collect();
        if empty_denominator {
            object.insert("empty_denominator".to_owned(), true.into());
        }
        object.into()
    }
}

fn join(total: &mut FaultRows, first: usize, window: FaultRows) {
    total.count += window.count;
    total.first = total.first.or(window.first.map(|row| first + row));
}
