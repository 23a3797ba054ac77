//! What is one word a class or a row: where each lies in the one buffer that kernels read and write them in.

/// A value for each class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClassInput {
    Weights,
    PosWeights,
}

/// A value for each row that kernels read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowInput {
    Targets,
    Weights,
    Scales,
    Upstream,
    /// What a forward pass saved.
    Saved,
    /// Its sign.
    SavedSign,
}

/// A value for each row that kernels write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowOutput {
    Loss,
    Logsumexp,
    LogProb,
    Argmax,
    Rank,
    Entropy,
    ZLoss,
    Status,
    Sign,
    /// What one pass leaves for the next.
    Peak,
    LogSum,
    Threshold,
    NeededLow,
    NeededHigh,
}

pub(crate) const CLASS_INPUTS: usize = 2;
pub(crate) const ROW_INPUTS: usize = 6;
pub(crate) const ROW_OUTPUTS: usize = 14;

/// The words in front of everything: the first is the denominator of the mean. A multiple of four, for 16-byte reads.
const HEADER: u64 = 4;

/// Words behind all others: whoever reads the last value of a row as one of four reads so far beyond it. What stands there does not
/// matter, but that it can be read is not left to the driver.
const TAIL: u64 = 3;

/// Which of them a call has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) classes: [bool; CLASS_INPUTS],
    pub(crate) inputs: [bool; ROW_INPUTS],
    pub(crate) outputs: [bool; ROW_OUTPUTS],
}

impl Wanted {
    /// The words of each row.
    pub(crate) fn row_words(&self) -> u64 {
        self.inputs.iter().chain(&self.outputs).map(|&wanted| u64::from(wanted)).sum()
    }

    /// The words that there are whatever the rows. Reads of the last quad's weights may end behind them.
    pub(crate) fn fixed_words(&self, classes: u64) -> u64 {
        HEADER + TAIL + self.classes.iter().map(|&wanted| if wanted { classes.next_multiple_of(4) + 4 } else { 0 }).sum::<u64>()
    }
}

/// Where each starts, in words, for windows of a number of rows; `None` for what the call has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) classes: [Option<u32>; CLASS_INPUTS],
    pub(crate) inputs: [Option<u32>; ROW_INPUTS],
    pub(crate) outputs: [Option<u32>; ROW_OUTPUTS],
    /// Where the results begin: everything before is input.
    pub(crate) outputs_start: u32,
    pub(crate) words: u32,
}

impl Layout {
    /// The plan has checked that this many words can be bound.
    pub(crate) fn new(wanted: &Wanted, classes: u64, window_rows: u64) -> Self {
        fn place<const N: usize>(next: &mut u64, wanted: [bool; N], words: u64) -> [Option<u32>; N] {
            wanted.map(|wanted| {
                let start = *next;
                *next += if wanted { words } else { 0 };
                wanted.then_some(start as u32)
            })
        }
        let mut next = HEADER;
        let class_starts = place(&mut next, wanted.classes, classes.next_multiple_of(4) + 4);
        let inputs = place(&mut next, wanted.inputs, window_rows);
        let outputs_start = next as u32;
        let outputs = place(&mut next, wanted.outputs, window_rows);
        Self { classes: class_starts, inputs, outputs, outputs_start, words: (next + TAIL) as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overlaps() {
        let mut wanted = Wanted::default();
        wanted.classes[ClassInput::PosWeights as usize] = true;
        wanted.inputs[RowInput::Targets as usize] = true;
        wanted.inputs[RowInput::Upstream as usize] = true;
        wanted.outputs[RowOutput::Status as usize] = true;
        let layout = Layout::new(&wanted, 5, 7);
        assert_eq!(layout.classes, [None, Some(4)]);
        assert_eq!(layout.inputs[..4], [Some(16), None, None, Some(23)]);
        assert_eq!((layout.outputs[RowOutput::Status as usize], layout.outputs[RowOutput::Loss as usize]), (Some(30), None));
        assert_eq!((layout.outputs_start, layout.words), (30, 37 + 3));
        assert_eq!(u64::from(layout.words), wanted.fixed_words(5) + wanted.row_words() * 7);
    }

    /// The vector kernels take four rows at a time, and the last of them may have none.
    #[test]
    fn the_last_four_rows_can_be_read_at_once() {
        for rows in 1..9 {
            for output in 0..ROW_OUTPUTS {
                let mut wanted = Wanted::default();
                wanted.outputs[output] = true;
                let layout = Layout::new(&wanted, 0, rows);
                let start = layout.outputs[output].unwrap();
                assert!(u64::from(start) + rows.next_multiple_of(4) <= u64::from(layout.words), "{rows} rows, output {output}");
            }
        }
    }
}
