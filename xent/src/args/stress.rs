//! The options of `xent stress`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Stress {
    /// How long calls are made, after the warm-up.
    #[arg(long, value_name = "MINUTES", default_value_t = 1.0, value_parser = minutes)]
    pub(crate) minutes: f64,
    /// Threads that call at once.
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=256))]
    pub(crate) threads: u64,
    /// Devices that are open at once on the adapter; each thread uses all of them.
    #[arg(long, value_name = "COUNT", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub(crate) devices: u64,
    /// Every so many seconds, open another device, call it once and close it; 0: never.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) reopen: u64,
    /// Seconds after which a call counts as stuck, which ends the command.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) patience: u64,
    /// The memory that the process may have gained between the warm-up and the end.
    #[arg(long, value_name = "MB", default_value_t = 64)]
    pub(crate) margin: u64,
    /// Print a JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A positive number of minutes, up to a week.
fn minutes(text: &str) -> Result<f64, String> {
    let minutes = text.parse::<f64>().ok().filter(|&minutes| minutes > 0.0 && minutes <= 10_080.0);
    minutes.ok_or_else(|| "it must be a number above 0, at most 10080".to_owned())
}
