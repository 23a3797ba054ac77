//! Copies between the host's memory and the device's, of long pieces by several threads: one alone reaches only a part of what
//! memory can do, and less where pages are touched for the first time.

use std::num::NonZero;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread::{self, Builder};

use wgpu::WriteOnly;

/// What threads take at a time.
const PIECE: usize = 1 << 20;

/// Pieces that are worth a thread: starting one takes as long as copying about a tenth of one.
const WORTH: usize = 2;

/// Threads at most, the caller's among them: other work may go on beside a call.
const MOST: usize = 4;

static THREADS: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get).min(MOST));

/// Copies `from` to all of `to`, which is as long.
pub(crate) fn copy<'a>(from: &[u8], to: impl Into<WriteOnly<'a, [u8]>>) {
    let to = to.into();
    assert_eq!(from.len(), to.len(), "a copy to a place of another length");
    copy_by((from.len() / (WORTH * PIECE)).min(*THREADS), from, to);
}

fn copy_by(threads: usize, from: &[u8], to: WriteOnly<'_, [u8]>) {
    let (pieces, mut rest) = to.into_chunks::<PIECE>();
    let (from_pieces, from_rest) = from.as_chunks::<PIECE>();
    let pieces = Mutex::new(pieces.into_iter().zip(from_pieces).collect::<Vec<_>>());
    let work = || {
        loop {
            let piece = pieces.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some((to, from)) = piece else { return };
            WriteOnly::<[u8]>::from(to).copy_from_slice(from);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // The others take the pieces of one that cannot be started.
            let _ = Builder::new().spawn_scoped(scope, work);
        }
        work();
        rest.copy_from_slice(from_rest);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_copied_to_its_place() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 9 * PIECE + 17] {
            let from: Vec<u8> = (0..length).map(|i| (i / 251 + i % 251) as u8).collect();
            for threads in [0, 1, 2, 5] {
                let mut to = vec![0; length];
                copy_by(threads, &from, to.as_mut_slice().into());
                assert!(from == to, "{length} bytes, {threads} threads");
            }
        }
    }
}
