//! The table of the data sets' numbers, one column a set.

use super::data::DataSet;
use super::measure::Measured;
use crate::terminal::Paint;

const LABEL: usize = 34;
const COLUMN: usize = 14;

pub(super) fn render(sets: &[DataSet], measured: &[Measured], paint: Paint) -> String {
    let line = |label: &str, cell: &dyn Fn(&DataSet, &Measured) -> String| {
        let cells = sets.iter().zip(measured).map(|(set, measured)| format!("{:>COLUMN$}", cell(set, measured)));
        format!("{label:LABEL$}{}\n", cells.collect::<String>())
    };
    let bytes = |set: &DataSet| size_of_val(&set.values[..]) as f64;
    let milliseconds = |seconds: f64| format!("{:.2} ms", seconds * 1e3);
    let bandwidth = |set: &DataSet, seconds: f64| format!("{:.2} GB/s", bytes(set) / seconds / 1e9);
    let titles = line("", &|set, _| set.title.to_owned());
    let lines = [
        paint.bold(titles.trim_end()) + "\n",
        line("rows", &|set, _| set.rows.to_string()),
        line("classes", &|set, _| set.classes.to_string()),
        line("mean loss, nats", &|_, m| format!("{:.9}", m.loss)),
        line("  CPU reference (f64)", &|_, m| format!("{:.9}", m.reference)),
        line("perplexity", &|_, m| format!("{:.6}", m.loss.exp())),
        line("accuracy", &|set, m| format!("{:.4}", m.correct as f64 / set.rows as f64)),
        "largest difference from the reference\n".to_owned(),
        line("  mean loss, relative", &|_, m| format!("{:.1e}", m.loss_difference())),
        line("  loss of a row, relative", &|_, m| format!("{:.1e}", m.row_difference)),
        line("  gradient of the sum, absolute", &|_, m| format!("{:.1e}", m.gradient_difference)),
        "time from slices to results, and bytes of logits over it\n".to_owned(),
        line("  loss", &|_, m| milliseconds(m.loss_time)),
        line("    bandwidth", &|set, m| bandwidth(set, m.loss_time)),
        line("  loss and gradient", &|_, m| milliseconds(m.gradient_time)),
        line("    bandwidth", &|set, m| bandwidth(set, m.gradient_time)),
    ];
    lines.concat()
}
