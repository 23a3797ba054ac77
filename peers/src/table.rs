//! The table at the end: a shape and an operation, our time, and every peer's time and how many times ours that is.

use std::fmt::Write;

use xent_measure::Record;

use crate::ours::{FRESH, HOST, NAME};

/// The best time of each peer, in the order in which they came.
#[derive(Default)]
pub(crate) struct Table {
    cells: Vec<(String, String, f64)>,
}

impl Table {
    /// Notes a time.
    pub(crate) fn add(&mut self, record: &Record) {
        let peer = match (record.peer.as_str(), record.plan.as_str()) {
            (NAME, HOST) => "ours, host to host",
            (NAME, plan) if plan.ends_with(FRESH) => "ours, fresh outputs",
            (NAME, _) => "ours",
            (peer, _) => peer,
        };
        let line = format!("{:16} {:14}", format!("{} x {}", record.rows, record.classes), record.op);
        match self.cells.iter_mut().find(|(l, p, _)| (l.as_str(), p.as_str()) == (line.as_str(), peer)) {
            Some((_, _, ms)) => *ms = ms.min(record.median_ms),
            None => self.cells.push((line, peer.into(), record.median_ms)),
        }
    }

    /// Median milliseconds; in brackets, a peer's by ours on resident buffers with reused outputs. Of a peer's variants, the fastest.
    pub(crate) fn text(&self) -> String {
        let (mut lines, mut peers) = (Vec::new(), Vec::new());
        for (line, peer, _) in &self.cells {
            if !lines.contains(line) {
                lines.push(line.clone());
            }
            if !peers.contains(peer) {
                peers.push(peer.clone());
            }
        }
        let mut text = format!("median ms (times ours), the fastest variant of each\n{:31}", "");
        peers.iter().for_each(|peer| write!(text, " {peer:>20}").expect("text grows"));
        for line in &lines {
            let of = |peer: &str| self.cells.iter().find(|(l, p, _)| (l, p.as_str()) == (line, peer)).map(|c| c.2);
            write!(text, "\n{line:31}").expect("text grows");
            for peer in &peers {
                let cell = match (of(peer), of("ours")) {
                    (Some(ms), Some(ours)) if peer != "ours" => format!("{ms:.2} ({:.2})", ms / ours),
                    (Some(ms), _) => format!("{ms:.2}"),
                    (None, _) => "-".into(),
                };
                write!(text, " {cell:>20}").expect("text grows");
            }
        }
        text
    }
}
