//! What `xent loss` prints.

use serde_json::{Value, json};

use crate::args::Reduction;
use crate::engine::Engine;
use crate::terminal::aligned;

/// The numbers of a finished pass. Losses are in nats.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub(super) reduction: Reduction,
    pub(super) sum: f64,
    pub(super) rows: usize,
    pub(super) valid: usize,
    pub(super) correct: usize,
    pub(super) classes: usize,
    pub(super) engine: &'a Engine,
    pub(super) seconds: f64,
}

impl Report<'_> {
    /// The loss, if all rows were reduced to one.
    pub(super) fn loss(&self) -> Option<f64> {
        match self.reduction {
            Reduction::Mean => Some(self.mean()),
            Reduction::Sum => Some(self.sum),
            Reduction::None => None,
        }
    }

    fn mean(&self) -> f64 {
        self.sum / self.valid as f64
    }

    fn accuracy(&self) -> f64 {
        self.correct as f64 / self.valid as f64
    }

    pub(super) fn to_text(&self) -> String {
        let loss = match self.reduction {
            Reduction::Mean => format!("{:.9} nats (mean)", self.mean()),
            Reduction::Sum => format!("{:.9} nats (sum)", self.sum),
            Reduction::None => format!("not reduced (mean {:.9}, sum {:.9} nats)", self.mean(), self.sum),
        };
        aligned(&[
            ("loss", loss),
            ("perplexity", format!("{:.6}", self.mean().exp())),
            ("accuracy", format!("{:.4} ({} of {})", self.accuracy(), self.correct, self.valid)),
            ("rows", self.rows.to_string()),
            ("valid rows", self.valid.to_string()),
            ("classes", self.classes.to_string()),
            ("adapter", self.engine.describe()),
            ("time", format!("{:.3} s", self.seconds)),
        ])
    }

    pub(super) fn to_json(&self) -> String {
        let reduction = match self.reduction {
            Reduction::Mean => "mean",
            Reduction::Sum => "sum",
            Reduction::None => "none",
        };
        let object = json!({
            "loss": self.loss().map(number),
            "mean_loss": number(self.mean()),
            "sum_loss": number(self.sum),
            "perplexity": number(self.mean().exp()),
            "accuracy": number(self.accuracy()),
            "rows": self.rows,
            "valid_rows": self.valid,
            "classes": self.classes,
            "reduction": reduction,
            "adapter": self.engine.to_json(),
            "seconds": self.seconds,
        });
        format!("{object}\n")
    }
}

/// A number as JSON, which has no words for those that are not finite.
fn number(value: f64) -> Value {
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
