//! The options of `xent verify`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Every operation, with the planned strategy and one other: seconds in place of minutes.
    #[arg(long)]
    pub(crate) quick: bool,
    /// End at the first case that fails.
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Only operations whose name contains this.
    #[arg(long, value_name = "PART")]
    pub(crate) op: Option<String>,
    /// Where to write one JSON object for each result; without FILE, or as -, to stdout in place of the table.
    #[arg(long, help_heading = "Results", value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub(crate) json: Option<String>,
    /// Where to write a page with the verdict, tables and a plot of all errors.
    #[arg(long, help_heading = "Results", value_name = "FILE")]
    pub(crate) html: Option<String>,
}
