//! One measurement, as a line that programs read: the same fields from `xent bench` and from the scripts of the peers.

use serde::{Deserialize, Serialize};

use crate::Samples;

/// What was measured, where, and how long it took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The adapter's name, backend and driver, or what else computed.
    pub adapter: String,
    /// Whose kernel it is: `wgpu-xent`, or a peer's name and version.
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
}

impl Record {
    /// With the times and rates of samples of something that must move `bytes`, beside a copy at `copy_gb_s`.
    #[must_use]
    pub fn timed(self, samples: &Samples, bytes: u64, copy_gb_s: f64) -> Self {
        let gb_s = samples.gb_s(bytes);
        let share_of_copy = if copy_gb_s > 0.0 { gb_s / copy_gb_s } else { 0.0 };
        Self { median_ms: samples.median(), p20_ms: samples.p20(), p80_ms: samples.p80(), gb_s, copy_gb_s, share_of_copy, ..self }
    }

    /// As one line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("numbers and text can be written")
    }
}
