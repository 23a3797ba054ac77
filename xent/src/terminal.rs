//! What is printed, and how: results on stdout, warnings on stderr.

use std::io::{ErrorKind, IsTerminal, Write};

use crate::failure::{Failure, Result};

/// Keeps Mesa's drivers, which look for a desktop even to compute, from complaining on stderr that there is none.
///
/// # Safety
/// Only while there is a single thread, since this changes the environment.
#[expect(unsafe_code, reason = "changing the environment is unsafe while others read it")]
pub(crate) unsafe fn expect_no_desktop() {
    const SOCKETS: &str = "XDG_RUNTIME_DIR";
    if cfg!(unix) && std::env::var_os(SOCKETS).is_none() {
        // SAFETY: the caller's promise.
        unsafe { std::env::set_var(SOCKETS, "/nonexistent") };
    }
}

/// Prints warnings, as the library gives one for a software adapter. `RUST_LOG` asks for more.
pub(crate) fn show_warnings() {
    env_logger::Builder::new()
        .filter_module("wgpu_xent", log::LevelFilter::Warn)
        .filter_module("xent", log::LevelFilter::Warn)
        .parse_default_env()
        .format(|out, record| {
            let level = record.level().as_str().to_lowercase().replace("warn", "warning");
            writeln!(out, "xent: {level}: {}", record.args())
        })
        .init();
}

/// Prints text to stdout. A reader that has seen enough, such as `head`, is no error.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::work(format!("stdout: {error}"))),
        _ => Ok(()),
    }
}

/// Text with or without colours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    /// Colours only for people who want them.
    pub(crate) fn for_stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { on: std::io::stdout().is_terminal() && !refused }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(crate) fn blue(self, text: &str) -> String {
        self.with("34", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Lines of a label and a value, the values in one column.
pub(crate) fn aligned(lines: &[(&str, String)]) -> String {
    let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    lines.iter().map(|(label, value)| format!("{label:width$}  {value}\n")).collect()
}
