//! The inputs that the fuzzer found worth keeping, and the defects that it found. `fuzz/` says what is held of each. No GPU.

#[path = "../fuzz/src/draw.rs"]
mod draw;
#[path = "../fuzz/src/replay.rs"]
mod replay;
#[path = "../fuzz/src/tuning.rs"]
mod tuning;
#[path = "../fuzz/src/views.rs"]
mod views;

use wgpu_xent::reference::logsumexp_over;
use wgpu_xent::{Error, Logits, Tuning};

#[test]
fn views_hold_what_their_shape_says() {
    replay::replay("views", views::run);
}

#[test]
fn tunings_are_read_as_they_are_printed() {
    replay::replay("tuning", tuning::run);
}

/// The size of a block overflowed where there was none of them.
#[test]
fn no_blocks_of_more_elements_than_can_be_counted() {
    let none: [f32; 0] = [];
    let results = [
        Logits::with_blocks(&none, 0, usize::MAX, 2, 0),
        Logits::with_blocks(&none, 0, 1 << 40, 1 << 40, usize::MAX),
        Logits::with_shape(&none, &[0, usize::MAX, 2], 1),
    ];
    for result in results {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::TooLarge { what: "logits", unit: "elements", .. }), "{error}");
    }
    assert_eq!(Logits::with_shape(&none, &[0, 3, 2], 1).unwrap().rows(), 0);
}

/// The places of an array's elements were listed even if there were none: as many as the other sizes said, or more than can be counted.
#[test]
fn sums_over_an_array_of_no_elements() {
    assert!(matches!(logsumexp_over(&[], &[0, 1 << 40], &[0]), Err(Error::NoClasses { rows }) if rows == 1 << 40));
    assert!(logsumexp_over(&[], &[0, 1 << 40], &[1]).unwrap().is_empty());
    assert!(logsumexp_over(&[], &[0, usize::MAX, usize::MAX], &[2]).unwrap().is_empty());
    assert!(matches!(logsumexp_over(&[], &[usize::MAX, usize::MAX, 0], &[2]), Err(Error::NoClasses { rows: usize::MAX })));
}

/// A line of the text went into the message as it was: any length, and what a terminal obeys.
#[test]
fn a_bad_line_of_a_tuning_is_quoted_fit_to_print() {
    let message = |text: &str| text.parse::<Tuning>().unwrap_err().to_string();
    assert!(message("a\nx\u{1b}[31m").starts_with("tuning, line 2: \"x\\u{1b}[31m\" is not: "));
    let long = message(&format!("a\n{}", "é".repeat(10_000)));
    assert!(long.starts_with(&format!("tuning, line 2: \"{}\"... is not: ", "é".repeat(120))), "{long}");
}
