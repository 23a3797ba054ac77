//! Ctrl-C: the work stops between windows, and no temporary file is left.

use std::sync::OnceLock;

use wgpu_xent::Cancel;

use crate::failure::{Failure, Result};

/// What stops the work of this process.
pub(crate) fn cancel() -> &'static Cancel {
    static CANCEL: OnceLock<Cancel> = OnceLock::new();
    CANCEL.get_or_init(Cancel::new)
}

/// Has the first Ctrl-C stop the work, and the second one end the process at once.
pub(crate) fn listen() {
    let handler = || {
        if cancel().is_cancelled() {
            std::process::exit(Failure::INTERRUPTED.into());
        }
        cancel().cancel();
    };
    // Without a handler Ctrl-C ends the process as ever.
    if let Err(error) = ctrlc::set_handler(handler) {
        log::debug!("no handler for Ctrl-C: {error}");
    }
}

/// An error if the work is to stop here.
pub(crate) fn go_on() -> Result<()> {
    if cancel().is_cancelled() { Err(Failure::interrupted()) } else { Ok(()) }
}
