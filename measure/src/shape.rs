//! The shapes that are measured.

use std::str::FromStr;

/// Rows of so many classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Their number.
    pub rows: usize,
    /// The classes of each.
    pub classes: usize,
}

const fn shape(rows: usize, classes: usize) -> Shape {
    Shape { rows, classes }
}

/// Small classifiers, larger ones, vocabularies of language models, single long rows.
pub const SHAPES: [Shape; 7] = [
    shape(65_536, 10),
    shape(16_384, 128),
    shape(4096, 1000),
    shape(1024, 32_000),
    shape(256, 128_256),
    shape(8, 262_144),
    shape(1, 1_000_000),
];

/// To see that everything runs.
pub const QUICK_SHAPES: [Shape; 4] = [shape(8192, 10), shape(2048, 128), shape(512, 1000), shape(128, 32_000)];

impl Shape {
    /// Rows times classes.
    #[must_use]
    pub fn elements(self) -> usize {
        self.rows * self.classes
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.rows, self.classes)
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |n: &str| n.parse().ok().filter(|&n: &usize| n > 0);
        let numbers = text.split_once('x').and_then(|(rows, classes)| Some(shape(number(rows)?, number(classes)?)));
        let shape = numbers.ok_or("expected rows and classes, as in 4096x1000")?;
        match shape.rows.checked_mul(shape.classes) {
            Some(elements) if elements <= 1 << 40 => Ok(shape),
            _ => Err("more elements than any adapter has room for".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_two_numbers() {
        assert_eq!("64x10".parse(), Ok(shape(64, 10)));
        for text in ["10", "x10", "10x", "0x10", "10x0", "-1x10", "2x3x4", "a x b", "99999999999x99999999999"] {
            assert!(text.parse::<Shape>().is_err(), "{text}");
        }
    }
}
