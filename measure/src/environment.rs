//! What numbers depend on besides the code.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use wgpu_xent::Gpu;

/// The state of the machine and of the sources at the start of a measurement.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Today, `YYYY-MM-DD`, in UTC.
    pub date: String,
    /// The compiler's version.
    pub rustc: String,
    /// The commit, and whether what is measured differs from it.
    pub commit: String,
    /// The CPU's name and its cores.
    pub cpu: String,
    /// How many processes ran or waited, on average of the last minute.
    pub load: String,
    /// The adapter.
    pub adapter: String,
    /// The numbers that plans are chosen from.
    pub caps: String,
}

impl Environment {
    /// As it is now; `unknown` what cannot be found out.
    #[must_use]
    pub fn now(gpu: &Gpu) -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let (cpu, load) = (read("/proc/cpuinfo"), read("/proc/loadavg"));
        let model = cpu.lines().find_map(|l| l.strip_prefix("model name")).map_or("unknown", |l| l.trim_start_matches([' ', '\t', ':']));
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        Self {
            date: date(),
            rustc: output("rustc", &["--version"]),
            commit: commit(),
            cpu: format!("{model}, {cores} cores"),
            load: load.split(' ').next().filter(|l| !l.is_empty()).unwrap_or("unknown").to_owned(),
            adapter: gpu.describe(),
            caps: format!("{:?}", gpu.caps()),
        }
    }
}

impl std::fmt::Display for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { date, rustc, commit, cpu, load, adapter, caps } = self;
        writeln!(f, "date      {date}\nrustc     {rustc}\ncommit    {commit}\ncpu       {cpu}")?;
        writeln!(f, "load      {load}\nadapter   {adapter}\ncaps      {caps}")
    }
}

fn commit() -> String {
    let head = output("git", &["rev-parse", "--short", "HEAD"]);
    let sources = ["status", "--porcelain", "--", "src", "shaders", "measure/src", "benches/*.*"];
    let changes = if head == UNKNOWN || output("git", &sources).is_empty() { "" } else { " with changes" };
    format!("{head}{changes}")
}

const UNKNOWN: &str = "unknown";

/// What a program prints, in the repository.
fn output(program: &str, arguments: &[&str]) -> String {
    let run = Command::new(program).args(arguments).current_dir(repository()).output();
    match run {
        Ok(o) if o.status.success() => String::from_utf8_lossy(&o.stdout).trim().into(),
        _ => UNKNOWN.into(),
    }
}

/// Where this was built.
pub(crate) fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

pub(crate) fn date() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    day(seconds / 86_400)
}

/// The date so many days after 1970-01-01.
fn day(days: u64) -> String {
    // Years begin in March, so that the day of a leap year is the last.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = (year_of_era + era * 400 + u64::from(month >= 10), (month + 2) % 12 + 1);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        let dates = [0, 58, 59, 11_016, 11_017, 19_782, 20_778].map(day);
        assert_eq!(dates, ["1970-01-01", "1970-02-28", "1970-03-01", "2000-02-29", "2000-03-01", "2024-02-29", "2026-11-21"]);
    }
}
