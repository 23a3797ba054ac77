//! Log-sum-exp over dimensions that do not follow each other: one group of them after the other.
//!
//! The group that reduces most is streamed. What it leaves is held in memory and reduced further; the gradient needs a second
//! pass over the file, with the result of each row's sum.

use std::ops::Range;

use super::{Files, Sums, Terms, check_apart};
use crate::args::Logsumexp;
use crate::arrays::Array;
use crate::engine::{Adapter, Engine};
use crate::failure::Result;
use crate::form::Form;
use crate::matrix::Matrix;

pub(super) fn run(args: &Logsumexp, array: Array, groups: &[Range<usize>], adapter: Adapter<'_>) -> Result<()> {
    let shape = array.shape().to_vec();
    let mut groups = groups.to_vec();
    groups.sort_by_key(|group| std::cmp::Reverse(shape[group.clone()].iter().product::<usize>()));
    let terms = Terms::open(args, Matrix::new(array, groups[0].clone())?)?;
    check_apart(args, &terms.transform)?;
    let is_reduced = |dim: usize| groups.iter().any(|group| group.contains(&dim));
    let left: Vec<usize> = (0..shape.len()).filter(|&dim| !is_reduced(dim)).map(|dim| shape[dim]).collect();
    let kept: Vec<usize> = (0..shape.len()).map(|dim| if is_reduced(dim) { 1 } else { shape[dim] }).collect();
    let mut files = Files::open(args, &shape, &left, &kept)?;

    let engine = Engine::open(adapter)?;
    let first = stream(&terms, &engine)?;
    let last = reduce(&engine, &first, &terms.logits.form().kept(), &groups[1..])?;
    if let Some(upstream) = &files.upstream {
        let form = terms.logits.form();
        let upstream = upstream.read(&(0..last.log.len()))?;
        let places = Places::new(&form.kept(), &kept);
        terms.for_each_window(&engine, |rows, window| {
            let of_rows = |values: &[f32]| rows.clone().filter_map(|row| values.get(places.of(row)).copied()).collect::<Vec<_>>();
            let sums = Sums { log: of_rows(&last.log), sign: of_rows(&last.sign) };
            let mut gradient = window.gradient(&sums, &of_rows(&upstream))?;
            // With factors, a sum of nothing may have terms that cancel.
            if terms.b.is_none() {
                clear_empty_rows(form, rows, &mut gradient, &first.log, &sums.log);
            }
            files.gradient.write_rows(form, rows, &gradient)
        })?;
    }
    files.write_sums(&last)?;
    files.finish()
}

/// The sums over the group that the file's rows have as classes.
fn stream(terms: &Terms, engine: &Engine) -> Result<Sums> {
    let mut all = Sums { log: vec![], sign: vec![] };
    terms.for_each_window(engine, |_, window| {
        let sums = window.sums()?;
        all.log.extend(sums.log);
        all.sign.extend(sums.sign);
        Ok(())
    })?;
    Ok(all)
}

/// The sums of sums over more groups. `shape` has the dimensions reduced so far as 1.
fn reduce(engine: &Engine, sums: &Sums, shape: &[usize], groups: &[Range<usize>]) -> Result<Sums> {
    let Some((group, rest)) = groups.split_first() else { return Ok(Sums { log: sums.log.clone(), sign: sums.sign.clone() }) };
    let form = Form::new(shape, group.clone())?;
    let rows = 0..form.rows();
    let log = form.view(&sums.log, &rows)?;
    let transform = wgpu_xent::LogitTransform::new();
    let reduced = if sums.sign.is_empty() {
        Sums { log: engine.logsumexp(&log, &transform)?, sign: vec![] }
    } else {
        // A sum with a sign is one term with a factor.
        let (log, sign) = engine.signed_logsumexp(&log, &form.view(&sums.sign, &rows)?, &transform)?;
        Sums { log, sign }
    };
    reduce(engine, &reduced, &form.kept(), rest)
}

/// In a sum that is more than nothing, terms of nothing but -inf have gradient 0; alone they would have none.
fn clear_empty_rows(form: &Form, rows: &Range<usize>, gradient: &mut [f32], own: &[f32], whole: &[f32]) {
    let columns = form.columns(rows);
    for (i, row) in rows.clone().enumerate() {
        if own[row] == f32::NEG_INFINITY && whole[i] > f32::NEG_INFINITY {
            let first = i / columns * columns * form.classes() + i % columns;
            (0..form.classes()).for_each(|class| gradient[first + class * columns] = 0.0);
        }
    }
}

/// Where the result is that an element of a partly reduced array goes into.
struct Places {
    /// Of each dimension, from the last: its size, and its step in the result.
    dims: Vec<(usize, usize)>,
}

impl Places {
    /// Both shapes have the same dimensions, some of the result's are 1.
    fn new(shape: &[usize], result: &[usize]) -> Self {
        let mut step = 1;
        let mut dims = Vec::new();
        for (&size, &left) in shape.iter().zip(result).rev() {
            dims.push((size, if left == 1 { 0 } else { step }));
            step *= left;
        }
        Self { dims }
    }

    fn of(&self, element: usize) -> usize {
        let mut rest = element;
        let mut place = 0;
        for &(size, step) in &self.dims {
            place += rest % size * step;
            rest /= size;
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_leave_out_what_is_reduced() {
        let places = Places::new(&[2, 3, 1, 2], &[1, 3, 1, 2]);
        assert_eq!((0..12).map(|element| places.of(element)).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]);
        let places = Places::new(&[2, 3], &[2, 1]);
        assert_eq!((0..6).map(|element| places.of(element)).collect::<Vec<_>>(), [0, 0, 0, 1, 1, 1]);
    }
}
