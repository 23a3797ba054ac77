//! A result as JSON.

use serde_json::{Value, json};
use wgpu_xent_verify::{Outcome, Record, Report};

use crate::report::number;

/// One object for one result. Numbers that JSON has no words for are text; what was not compared is null.
pub(super) fn line(report: &Report, record: &Record) -> Value {
    let (worst, row, class, error) = match &record.outcome {
        Outcome::Compared { worst, row, class } => (*worst, *row, *class, None),
        Outcome::Error(error) => (None, None, None, Some(error)),
    };
    let of = |value: fn(&wgpu_xent_verify::Worst) -> f64| worst.as_ref().map(value).map(number);
    json!({
        "adapter": report.name,
        "driver": report.driver,
        "backend": report.backend,
        "operation": record.operation,
        "options": record.options,
        "strategy": record.strategy_name(),
        "plan": record.strategy.to_string(),
        "texture": record.texture,
        "wide_words": record.wide_words,
        "storage": record.storage.to_string(),
        "data": record.data,
        "rows": record.shape.rows(),
        "classes": record.shape.classes,
        "inner": record.shape.inner,
        "padding": record.shape.padding,
        "result": record.result,
        "row": row,
        "class": class,
        "got": of(|worst| worst.got),
        "expected": of(|worst| worst.expected),
        "error": of(wgpu_xent_verify::Worst::error),
        "ulp": of(wgpu_xent_verify::Worst::ulp),
        "relative": of(wgpu_xent_verify::Worst::relative),
        "bound": of(|worst| worst.allowed),
        "share": number(record.share()),
        "verdict": if record.passed() { "passed" } else { "failed" },
        "problem": error,
    })
}
