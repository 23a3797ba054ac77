//! Who serves a row, and which of them a shape wants: the table, with the measurement behind each number in it, where there is one.

use super::Work;
use crate::caps::Caps;

/// Who serves a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Strategy {
    /// A thread serves a row; no barriers.
    Thread,
    /// A thread serves a row, which its workgroup has brought to workgroup memory, and takes from there: neighbouring threads read and
    /// write neighbours in memory. Rows that are too long for it, or have gaps between them, are served as by
    /// [`Thread`](Self::Thread), and [`Plan::tile`](crate::Plan::tile) is 0.
    Tile,
    /// A subgroup serves a row; no barriers.
    Subgroup,
    /// A workgroup serves a row, through workgroup memory.
    Workgroup,
    /// A workgroup serves a row and keeps what it can of it in registers, to read it once. Rows that are too short for it, or only read,
    /// are served as by [`Workgroup`](Self::Workgroup), and [`Plan::held`](crate::Plan::held) is 0.
    Held,
    /// Threads serve chunks of a row; a second dispatch merges.
    SplitThread,
    /// Subgroups serve chunks of a row; a second dispatch merges.
    SplitSubgroup,
    /// Workgroups serve chunks of a row; a second dispatch merges.
    SplitWorkgroup,
}

/// What shares the work of an item: see the `unit_*.wgsl` parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Unit {
    Thread,
    /// A thread, whose row is among the so many words in workgroup memory.
    Tile(u32),
    Subgroup,
    Workgroup,
    /// A workgroup of at most so many subgroups, which reduce by themselves first.
    Subgroups(u32),
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Thread,
        Self::Tile,
        Self::Subgroup,
        Self::Workgroup,
        Self::Held,
        Self::SplitThread,
        Self::SplitSubgroup,
        Self::SplitWorkgroup,
    ];

    pub(crate) const fn unit(self) -> Unit {
        match self {
            Self::Thread | Self::Tile | Self::SplitThread => Unit::Thread,
            Self::Subgroup | Self::SplitSubgroup => Unit::Subgroup,
            Self::Workgroup | Self::Held | Self::SplitWorkgroup => Unit::Workgroup,
        }
    }

    /// Whether a row is cut into chunks.
    #[must_use]
    pub const fn is_split(self) -> bool {
        matches!(self, Self::SplitThread | Self::SplitSubgroup | Self::SplitWorkgroup)
    }

    pub(super) const fn split(self) -> Self {
        match self.unit() {
            Unit::Thread | Unit::Tile(_) => Self::SplitThread,
            Unit::Subgroup => Self::SplitSubgroup,
            Unit::Workgroup | Unit::Subgroups(_) => Self::SplitWorkgroup,
        }
    }
}

impl std::fmt::Display for Strategy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Thread => "thread",
            Self::Tile => "tile",
            Self::Subgroup => "subgroup",
            Self::Workgroup => "workgroup",
            Self::Held => "held",
            Self::SplitThread => "split-thread",
            Self::SplitSubgroup => "split-subgroup",
            Self::SplitWorkgroup => "split-workgroup",
        })
    }
}

/// On a CPU adapter, the most classes for which a thread a row beats a subgroup a row while there are rows enough.
/// `benches/results/*/2026-11-30-thresholds.txt`: on lavapipe a thread wins by 1.25 to 1.42 at 1000 classes and by up to 1.12 at 2048, it loses up
/// to 8 % of what is written at 4096 and up to 13 % at 16,384; on SwiftShader it wins by 1.07 to 1.24 up to 2048, by 1.05 at 4096, by nothing from 8192 on.
const CPU_THREAD_CLASSES: u64 = 4096;

/// On a CPU adapter, the most classes for a thread a row where rows are few. The same files: with 8 rows on lavapipe a thread wins by up to 1.16 at 16
/// and 32 classes, and loses up to 11 % at 128; on SwiftShader a subgroup wins by 1.2 to 1.9 at all of them.
const CPU_FEW_THREAD_CLASSES: u64 = 32;

/// On a GPU, the most classes for a thread a row, and for a subgroup a row. Not measured yet. `QuACK` (its softmax.py) gives a row 8 threads up to
/// 64 classes, 32 up to 3072.
const GPU_THREAD_CLASSES: u64 = 32;
const GPU_SUBGROUP_CLASSES: u64 = 1024;

/// Who serves the rows of some work, if there are enough of them.
pub(super) fn preferred(work: &Work, caps: &Caps) -> Strategy {
    if work.inner > 1 {
        // Neighbouring threads serve neighbouring rows, which are neighbours in memory: loads coalesce.
        return Strategy::Thread;
    }
    let subgroups = caps.subgroup.is_some() && work.subgroups;
    if caps.cpu {
        let rows_enough = work.rows >= u64::from(caps.busy_threads);
        if subgroups && (work.classes > CPU_THREAD_CLASSES || (!rows_enough && work.classes > CPU_FEW_THREAD_CLASSES)) {
            return Strategy::Subgroup;
        }
        return Strategy::Thread;
    }
    match work.classes {
        c if c <= GPU_THREAD_CLASSES && work.can_tile => Strategy::Tile,
        c if c <= GPU_THREAD_CLASSES => Strategy::Thread,
        c if c <= GPU_SUBGROUP_CLASSES && subgroups => Strategy::Subgroup,
        _ if work.elements && work.can_hold => Strategy::Held,
        _ => Strategy::Workgroup,
    }
}
