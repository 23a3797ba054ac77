//! `xent loss`: cross-entropy with class indices, and its gradient.

mod files;
mod report;

use std::time::Instant;

use wgpu_xent::{CrossEntropy, Targets, Upstream};

use crate::args::{Loss, Reduction};
use crate::engine::Engine;
use crate::failure::Result;
use crate::matrix::Matrix;
use crate::sum::Sum;
use crate::targets::TargetFile;
use crate::terminal::print;
use crate::upstream::RowFactors;
use files::Files;
use report::Report;

pub(crate) fn run(args: &Loss, adapter: Option<&str>) -> Result<()> {
    let logits = Matrix::open(&args.logits, args.dim.as_slice())?;
    let targets = TargetFile::open(&args.targets, &logits, args.ignore_index.0)?;
    let factors = open_factors(args, &logits, targets.valid())?;
    let mut files = Files::create(args, &logits)?;
    let engine = Engine::open(adapter)?;

    let start = Instant::now();
    // A mean needs the number of valid rows in all windows, so each window is reduced here.
    let options = files.wanted(CrossEntropy::new().reduction(wgpu_xent::Reduction::None).ignore_index(args.ignore_index.0).argmax(true));
    let (mut sum, mut correct) = (Sum::default(), 0);
    logits.for_each_window(engine.window_bytes(), |rows, window| {
        let indices = targets.read(rows)?;
        let above;
        let upstream = match &factors {
            RowFactors::Scalar(factor) => Upstream::Scalar(*factor),
            RowFactors::Rows(_) => {
                above = factors.read(rows)?;
                Upstream::Rows(&above)
            }
        };
        let losses = engine.cross_entropy(window, &Targets::new(&indices), &options.upstream(upstream))?;
        losses.rows.iter().for_each(|&loss| sum.add(loss));
        correct += losses.correct;
        files.write(&losses, args.reduction)?;
        targets.release(rows);
        Ok(())
    })?;

    let (rows, classes, valid) = (logits.rows(), logits.classes(), targets.valid());
    let report = Report {
        reduction: args.reduction,
        sum: sum.total(),
        rows,
        valid,
        correct,
        classes,
        engine: &engine,
        seconds: start.elapsed().as_secs_f64(),
    };
    files.finish(report.loss())?;
    print(&if args.json { report.to_json() } else { report.to_text() })
}

/// The factors on the gradient of each row, the reduction included.
fn open_factors(args: &Loss, logits: &Matrix, valid: usize) -> Result<RowFactors> {
    let shapes: &[&[usize]] = if args.reduction == Reduction::None { &[logits.leading()] } else { &[] };
    let factors = match &args.upstream {
        Some(spec) => RowFactors::open(spec, shapes)?,
        None => RowFactors::Scalar(1.0),
    };
    Ok(match factors {
        // Without valid rows this is no number; nor does any row use it.
        RowFactors::Scalar(factor) if args.reduction == Reduction::Mean => RowFactors::Scalar((f64::from(factor) / valid as f64) as f32),
        factors => factors,
    })
}
