//! The sizes at which a plan changes, or a kernel's loop: told by the plans themselves.

use std::collections::BTreeMap;

use wgpu_xent::{Caps, Plan, Storage, Strategy, Work};

use crate::matrix::Shape;

/// Up to here every number of classes is planned for.
const SCANNED: usize = 4200;

/// Shapes on both sides of every edge, with the strategies that have an edge there.
pub(crate) fn edges(caps: &Caps, writes: bool) -> Vec<(Shape, Vec<Option<Strategy>>)> {
    let mut of_classes: BTreeMap<usize, Vec<Option<Strategy>>> = BTreeMap::new();
    for forced in std::iter::once(None).chain(Strategy::ALL.map(Some)) {
        for classes in class_edges(caps, writes, forced) {
            of_classes.entry(classes).or_default().push(forced);
        }
    }
    // Few rows, so that rows are split where they are long enough.
    let mut shapes: Vec<_> = of_classes.into_iter().map(|(classes, forced)| (Shape::matrix(3, classes), forced)).collect();
    // A workgroup, or a subgroup, a row: as many as one dimension of a grid has, and more.
    let grid = caps.max_groups as usize;
    for rows in [grid, grid + 1] {
        shapes.push((Shape::matrix(rows, 3), vec![None, Some(Strategy::Subgroup), Some(Strategy::Workgroup), Some(Strategy::SplitThread)]));
    }
    // One row more than a window of the host level holds.
    let classes = 1021;
    shapes.push((Shape::matrix((16 << 20) / (4 * classes) + 1, classes), vec![None]));
    // One row longer than the loops of a thread last for, where they end.
    shapes.push((
        Shape::matrix(1, 1_000_000),
        vec![None, Some(Strategy::SplitThread), Some(Strategy::SplitSubgroup), Some(Strategy::SplitWorkgroup)],
    ));
    shapes.push((Shape::matrix(2, 131_073), vec![None, Some(Strategy::Thread), Some(Strategy::Subgroup)]));
    shapes
}

/// The numbers of classes on both sides of every change of the plan, and of the loops of its threads.
fn class_edges(caps: &Caps, writes: bool, forced: Option<Strategy>) -> Vec<usize> {
    let plan = |classes: usize| Plan::new(&Work::dense(3, classes as u64, Storage::F32, writes), caps, forced).ok();
    // Chunks become longer with every quad: that is no edge.
    let kind = |plan: &Option<Plan>| plan.as_ref().map(|p| (p.strategy, p.workgroup, p.items_per_group, p.chunks, p.held, p.tile > 0));
    let mut edges = vec![1, 2, 3, 4, 5];
    let mut before = plan(1);
    for classes in 2..=SCANNED {
        let now = plan(classes);
        if kind(&now) != kind(&before) {
            edges.extend([classes - 1, classes]);
        }
        before = now;
    }
    // A quad, and a block of four quads, for each lane; and the next one.
    let lanes = match forced {
        Some(Strategy::Thread | Strategy::SplitThread) | None => vec![1],
        Some(Strategy::Subgroup | Strategy::SplitSubgroup) => caps.subgroup.map_or(Vec::new(), |(least, most)| vec![least, most]),
        Some(_) => vec![plan(64).map_or(1, |plan| plan.workgroup)],
    };
    for lanes in lanes {
        for whole in [4 * lanes as usize, 16 * lanes as usize] {
            edges.extend([whole - 1, whole, whole + 1]);
        }
    }
    edges.sort_unstable();
    edges.dedup();
    edges.retain(|&classes| classes > 0 && plan(classes).is_some());
    edges
}
