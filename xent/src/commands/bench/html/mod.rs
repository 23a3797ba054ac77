//! A page of a run: charts, tables and where it was measured; nothing that must be loaded from elsewhere.

mod bars;
mod chart;
mod scale;
mod tables;

use super::run::AdapterRun;
use crate::page::{definitions, document, escaped};
use chart::Chart;

pub(super) fn page(runs: &[AdapterRun]) -> String {
    let date = runs.first().map_or("", |run| &run.environment.date);
    let sections: String = runs.iter().map(section).collect();
    let about = "Softmax, log-sum-exp and cross-entropy beside what the adapter reaches in the same run: a copy, a read and a write of the \
                 logits&#39; bytes. Median wall time of one recorded call on resident buffers; each result agreed with the reference before.";
    document("xent bench", date, about, &sections)
}

fn section(run: &AdapterRun) -> String {
    let chart = Chart::new(&run.records);
    let operations = chart.operations();
    let panels: String = operations.iter().map(|operation| chart.panel(operation)).collect();
    let mut html = format!("<h2>{}</h2>\n{}", escaped(&run.environment.adapter), environment(run));
    if operations.is_empty() {
        return html + &skipped(run);
    }
    html += &format!(
        "<h3>Bandwidth over row length</h3>\n<p>The bytes that an operation cannot do without, by its median time. One axis for all.</p>\n\
         {}<div class=\"panels\">{panels}</div>\n",
        chart.legend()
    );
    html += &format!("<h3>Share of the copy&#39;s bandwidth</h3>\n<div class=\"card\">{}</div>\n", tables::heat(&run.records, &operations));
    if !run.paths.is_empty() {
        html += &format!(
            "<h3>Calls from slices</h3>\n<p>Upload, kernel and readback measured apart, and what one call of the library takes besides \
             them: the rest. It is 0 where the parts overlap. Up and down: the rates of upload and readback.</p>\n{}<div class=\"card\">{}</div>\n",
            bars::legend(),
            bars::chart(&run.paths)
        );
    }
    html += &format!("<h3>Plans</h3>\n<div class=\"card\">{}</div>\n", tables::plans(&run.records));
    html += &format!("<h3>All numbers</h3>\n<div class=\"card\">{}</div>\n", tables::all(&run.records));
    html + &skipped(run)
}

fn environment(run: &AdapterRun) -> String {
    let e = &run.environment;
    let caps = e.caps.trim_start_matches("Caps { ").trim_end_matches(" }").to_owned();
    let lines =
        [("date", &e.date), ("cpu", &e.cpu), ("load at start", &e.load), ("commit", &e.commit), ("rustc", &e.rustc), ("planner", &caps)];
    definitions(lines.map(|(name, value)| (name, value.as_str())))
}

fn skipped(run: &AdapterRun) -> String {
    run.skipped.iter().map(|line| format!("<p>{}</p>\n", escaped(line))).collect()
}
