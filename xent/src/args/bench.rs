//! The options of `xent bench`.

use clap::Args;
use wgpu_xent::Storage;
use xent_measure::{OPERATIONS, Operation, Shape, storage_named};

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// The operations: softmax, `log_softmax`, logsumexp, loss, loss+gradient, loss+gradient-in-place, backward. All by default.
    #[arg(long, value_name = "OP[,OP..]", value_delimiter = ',', value_parser = operation)]
    pub(crate) ops: Vec<&'static Operation>,
    /// Rows and classes, as in 65536x10,4096x1000. Seven shapes by default, from 65536x10 to 1x1000000.
    #[arg(long, value_name = "NxC[,NxC..]", value_delimiter = ',', value_parser = str::parse::<Shape>)]
    pub(crate) shapes: Vec<Shape>,
    /// How logits and gradients are stored: f32, f16, bf16.
    #[arg(long, value_name = "TYPE[,TYPE..]", value_delimiter = ',', value_parser = storage, default_value = "f32")]
    pub(crate) dtypes: Vec<Storage>,
    /// Few samples and, unless --shapes says otherwise, four small shapes: to see that everything runs.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Where to write one JSON object a line; without FILE, or as -, to stdout in place of the table.
    #[arg(long, help_heading = "Results", value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub(crate) json: Option<String>,
    /// Where to write the same as CSV.
    #[arg(long, help_heading = "Results", value_name = "FILE")]
    pub(crate) csv: Option<String>,
    /// Where to write a page with charts, and with what the calls from slices consist of, which is measured for it.
    #[arg(long, help_heading = "Results", value_name = "FILE")]
    pub(crate) html: Option<String>,
    /// Print how the times differ from those of OLD, a file that --json wrote; with NEW, another one, nothing is measured.
    #[arg(long, help_heading = "Results", value_names = ["OLD", "NEW"], num_args = 1..=2)]
    pub(crate) compare: Vec<String>,
}

/// Reads the name of an operation; a hyphen stands for a space.
fn operation(text: &str) -> Result<&'static Operation, String> {
    let found = OPERATIONS.iter().find(|o| o.name == text || option_name(o) == text);
    let known = || OPERATIONS.iter().map(option_name).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| format!("expected one of {}", known()))
}

fn option_name(operation: &Operation) -> String {
    operation.name.replace(' ', "-")
}

pub(super) fn storage(text: &str) -> Result<Storage, String> {
    storage_named(text).ok_or_else(|| "expected f32, f16 or bf16".to_owned())
}
