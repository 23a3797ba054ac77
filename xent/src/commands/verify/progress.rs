//! How far a run has come, on stderr.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use wgpu_xent_verify::Progress;

/// How often something is said where there is no terminal to draw on.
const SILENCE: Duration = Duration::from_secs(15);

/// A bar on a terminal, a line now and then elsewhere.
#[derive(Debug)]
pub(super) struct Bar {
    adapter: String,
    bar: ProgressBar,
    said: Instant,
}

impl Bar {
    pub(super) fn new(adapter: &str) -> Self {
        // On anything but a terminal it draws nothing.
        let bar = ProgressBar::new(0);
        let bar = match ProgressStyle::with_template("{percent:>3}% {bar:40} {elapsed}, {msg}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        };
        Self { adapter: adapter.to_owned(), bar, said: Instant::now() }
    }

    pub(super) fn show(&mut self, at: Progress<'_>) {
        let Progress { done, total, operation, failures } = at;
        let wrong = if failures > 0 { format!(", {failures} results wrong") } else { String::new() };
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        self.bar.set_message(format!("{operation}{wrong}"));
        if self.bar.is_hidden() && self.said.elapsed() > SILENCE {
            eprintln!("xent: {}: {done} of {total} steps, {operation}{wrong}", self.adapter);
            self.said = Instant::now();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
