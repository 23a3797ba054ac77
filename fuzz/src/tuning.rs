//! The text of a tuning: any bytes. What is read can be printed, read and printed again, to the same text.

use wgpu_xent::{Error, Tuning};

use super::draw::check_message;

pub(crate) fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match text.parse::<Tuning>() {
        Ok(tuning) => {
            let printed = tuning.to_string();
            let again: Tuning = printed.parse().unwrap_or_else(|error| panic!("{error}: {printed}"));
            // A carriage return at the end of a line belongs to the line's end.
            let bare = |tuning: &Tuning| tuning.to_string().replace('\r', "");
            assert_eq!(bare(&again), bare(&tuning));
            let mut both = tuning.clone();
            match both.extend(&again) {
                Ok(()) => assert_eq!(bare(&both), bare(&tuning)),
                Err(error) => check_message(&error),
            }
        }
        Err(error) => {
            assert!(matches!(error, Error::Tuning { line, .. } if line >= 2 && line <= text.lines().count()), "{error:?}");
            check_message(&error);
        }
    }
}
