//! One measurement, as a line that programs read: the same fields from `xent bench` and from the scripts of the peers.

use serde::{Deserialize, Serialize};
use wgpu_xent::Gpu;

use crate::{Samples, Times};

/// The peer of records that say what the adapter can reach: `copy`, `read`, `read+exp` and `write`.
pub const CEILING: &str = "ceiling";

/// What was measured, where, and how long it took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The adapter's name, backend and driver, or what else computed.
    pub adapter: String,
    /// Whose kernel it is: `wgpu-xent`, [`CEILING`], or a peer's name and version.
    pub peer: String,
    /// The operation: `softmax`, `loss`, `loss+gradient`, ..
    pub op: String,
    /// Rows of the logits.
    pub rows: u64,
    /// Classes of a row.
    pub classes: u64,
    /// How a logit is stored: `f32`, `f16` or `bf16`.
    pub dtype: String,
    /// The plan that ran, or what else says how it was computed: `fresh` or `reused` outputs.
    pub plan: String,
    /// The median of the samples, in milliseconds.
    pub median_ms: f64,
    /// What a fifth of the samples stay below.
    pub p20_ms: f64,
    /// What a fifth of the samples exceed.
    pub p80_ms: f64,
    /// The bytes that the operation cannot do without by the median time, in 10^9 a second.
    pub gb_s: f64,
    /// A copy of the logits in the same run, bytes read and bytes written, in 10^9 a second; 0 where there is none.
    #[serde(default)]
    pub copy_gb_s: f64,
    /// `gb_s / copy_gb_s`; 0 where there is no copy.
    #[serde(default)]
    pub share_of_copy: f64,
    /// The median between the adapter's own timestamps around the work, in milliseconds, where it has them.
    #[serde(default)]
    pub gpu_ms: Option<f64>,
    /// The sets of buffers used in turn; 0 where that is not known.
    #[serde(default)]
    pub sets: u64,
}

impl Record {
    /// The columns of [`csv`](Self::csv).
    pub const COLUMNS: &str = "adapter,peer,op,rows,classes,dtype,plan,median_ms,p20_ms,p80_ms,gb_s,copy_gb_s,share_of_copy,gpu_ms,sets";

    /// With the times and rates of samples of something that must move `bytes`, beside a copy at `copy_gb_s`.
    #[must_use]
    pub fn timed(self, samples: &Samples, bytes: u64, copy_gb_s: f64) -> Self {
        let gb_s = samples.gb_s(bytes);
        let share_of_copy = if copy_gb_s > 0.0 { gb_s / copy_gb_s } else { 0.0 };
        Self { median_ms: samples.median(), p20_ms: samples.p20(), p80_ms: samples.p80(), gb_s, copy_gb_s, share_of_copy, ..self }
    }

    /// [`timed`](Self::timed) by both clocks.
    #[must_use]
    pub fn timed_by(self, times: &Times, bytes: u64, copy_gb_s: f64) -> Self {
        Self { gpu_ms: times.gpu.as_ref().map(Samples::median), ..self.timed(&times.wall, bytes, copy_gb_s) }
    }

    /// As one line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("numbers and text can be written")
    }

    /// From one line of JSON.
    ///
    /// # Errors
    /// What is wrong with it, and in which column.
    pub fn from_json(line: &str) -> Result<Self, String> {
        let record: Self = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let times = [record.median_ms, record.p20_ms, record.p80_ms];
        if times.iter().all(|&ms| ms.is_finite() && ms > 0.0) { Ok(record) } else { Err("times are numbers above 0".to_owned()) }
    }

    /// As one line of a CSV file.
    #[must_use]
    pub fn csv(&self) -> String {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let texts = [&self.adapter, &self.peer, &self.op].map(|text| quoted(text)).join(",");
        let gpu_ms = self.gpu_ms.map_or_else(String::new, |ms| format!("{ms:.4}"));
        format!(
            "{texts},{},{},{},{},{:.4},{:.4},{:.4},{:.3},{:.3},{:.3},{gpu_ms},{}",
            self.rows,
            self.classes,
            self.dtype,
            quoted(&self.plan),
            self.median_ms,
            self.p20_ms,
            self.p80_ms,
            self.gb_s,
            self.copy_gb_s,
            self.share_of_copy,
            self.sets,
        )
    }

    /// Whether it says what the adapter can reach.
    #[must_use]
    pub fn is_ceiling(&self) -> bool {
        self.peer == CEILING
    }

    /// Whether another one measured the same thing.
    #[must_use]
    pub fn is_of_same(&self, other: &Self) -> bool {
        let key = |r: &Self| (r.adapter.clone(), r.peer.clone(), r.op.clone(), r.rows, r.classes, r.dtype.clone());
        key(self) == key(other)
    }

    /// The columns of [`line`](Self::line).
    #[must_use]
    pub fn head() -> String {
        format!(
            "{:22} {:>14} {:>5} {:>9} {:>9} {:>9} {:>9} {:>7} {:>7} {:>6} {:>4}  {}",
            "operation", "shape", "type", "median ms", "p20", "p80", "gpu ms", "GB/s", "copy", "share", "sets", "plan"
        )
    }

    /// A line of a table.
    #[must_use]
    pub fn line(&self) -> String {
        format!(
            "{:22} {:>14} {:>5} {:9.3} {:9.3} {:9.3} {:>9} {:7.2} {:7.2} {:6.2} {:4}  {}",
            if self.is_ceiling() { format!("({})", self.op) } else { self.op.clone() },
            format!("{} x {}", self.rows, self.classes),
            self.dtype,
            self.median_ms,
            self.p20_ms,
            self.p80_ms,
            self.gpu_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.3}")),
            self.gb_s,
            self.copy_gb_s,
            self.share_of_copy,
            self.sets,
            self.plan,
        )
    }
}

/// How records name an adapter.
pub(crate) fn adapter_of(gpu: &Gpu) -> String {
    let info = gpu.info();
    let driver = format!("{} {}", info.driver, info.driver_info);
    format!("{} ({:?}, {})", info.name, info.backend, driver.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let name = |text: &str| text.to_owned();
        Record {
            adapter: name("a \"b\""),
            op: name("loss"),
            dtype: name("f32"),
            median_ms: 2.0,
            p20_ms: 1.0,
            p80_ms: 3.0,
            ..Record::default()
        }
    }

    #[test]
    fn a_line_comes_back() {
        assert_eq!(Record::from_json(&record().json()), Ok(record()));
        // As the scripts of the peers write it.
        let short = r#"{"adapter":"a","peer":"p","op":"o","rows":1,"classes":2,"dtype":"f32","plan":"","median_ms":1,"p20_ms":1,"p80_ms":1,"gb_s":1}"#;
        assert_eq!(Record::from_json(short).unwrap().gpu_ms, None);
        assert!(Record::from_json("{}").is_err());
        assert!(Record::from_json(&record().json().replace("2.0", "-2.0")).is_err());
    }

    #[test]
    fn csv_has_its_columns() {
        let line = record().csv();
        assert!(line.starts_with("\"a \"\"b\"\"\",\"\",\"loss\",0,0,f32,\"\",2.0000,"), "{line}");
        assert_eq!(line.matches(',').count(), Record::COLUMNS.matches(',').count());
    }
}
