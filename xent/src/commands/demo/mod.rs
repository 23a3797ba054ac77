//! `xent demo`: real models' losses on the best adapter, beside the CPU reference.

mod data;
mod measure;
mod rows;
mod table;

use std::path::Path;

use crate::args::Demo;
use crate::engine::{Adapter, Engine};
use crate::failure::{Failure, Result};
use crate::terminal::{Paint, print};
use data::DataSet;
use measure::Measured;

/// The largest relative difference of the mean losses that passes.
const TOLERANCE: f64 = 1e-6;

pub(crate) fn run(args: &Demo, adapter: Adapter<'_>) -> Result<()> {
    let directory = Path::new(&args.data);
    if !directory.is_dir() {
        return Err(Failure::input(format!("{}: no such directory; --data names the one with the demo's data", directory.display())));
    }
    let sets = [DataSet::open(directory, "smollm2", "SmolLM2-135M")?, DataSet::open(directory, "digits", "digits")?];
    let tokens = data::Tokens::open(&directory.join("smollm2_tokens.json"))?;
    let engine = Engine::open(adapter)?;
    let paint = Paint::for_stdout();

    print(&format!("{}\n\n", paint.bold(&engine.describe())))?;
    let measured = sets.iter().map(|set| Measured::new(&engine, set)).collect::<Result<Vec<_>>>()?;
    print(&table::render(&sets, &measured, paint))?;
    print(&rows::render(&engine, &sets[0], &tokens, &measured[0].row_losses, paint)?)?;
    measured.iter().zip(&sets).try_for_each(|(measured, set)| check(measured, set))
}

fn check(measured: &Measured, set: &DataSet) -> Result<()> {
    if measured.loss_difference() <= TOLERANCE {
        return Ok(());
    }
    let (loss, reference) = (measured.loss, measured.reference);
    Err(Failure::work(format!("{}: the loss is {loss}, the reference's {reference}: they differ by more than {TOLERANCE:e}", set.title)))
}
