//! `xent sigmoid`: the logistic function of each element.

use crate::args::Sigmoid;
use crate::engine::{Adapter, Engine};
use crate::failure::Result;
use crate::matrix::Matrix;
use crate::outputs::{Output, finish};

pub(crate) fn run(args: &Sigmoid, adapter: Adapter<'_>) -> Result<()> {
    let logits = Matrix::open_flat(&args.logits)?;
    let mut output = Output::create(Some(&args.output), logits.shape())?;
    let engine = Engine::open(adapter)?;
    logits.for_each_window(engine.window_bytes(), |_, window| output.write(&engine.sigmoid(window)?))?;
    finish([output])
}
