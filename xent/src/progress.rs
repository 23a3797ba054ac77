//! How far a long pass over a file has come.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Work that is over sooner needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// A bar on stderr, if that is a terminal and the work takes longer than a second.
#[derive(Debug)]
pub(crate) struct Progress {
    total: u64,
    done: u64,
    start: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Starts the clock; `total` counts bytes.
    pub(crate) fn new(total: u64) -> Self {
        Self { total, done: 0, start: Instant::now(), bar: None }
    }

    pub(crate) fn advance(&mut self, bytes: u64) {
        self.done += bytes;
        let elapsed = self.start.elapsed();
        if elapsed > PATIENCE {
            let left = elapsed.as_secs_f64() * (self.total - self.done) as f64 / self.done as f64;
            // On anything but a terminal it draws nothing.
            let bar = self.bar.get_or_insert_with(|| bar(self.total));
            bar.set_position(self.done);
            bar.set_message(format!("{left:.0} s left"));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(total: u64) -> ProgressBar {
    // The message is the time left: the bar itself would count from its late start.
    let style = ProgressStyle::with_template("{percent:>3}% {bar:40} {binary_bytes} of {binary_total_bytes}, {msg}");
    let bar = ProgressBar::new(total);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
