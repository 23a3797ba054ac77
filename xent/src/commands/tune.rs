//! `xent tune`: which strategies are fastest on an adapter, measured.

use wgpu_xent::Tuning;
use xent_measure::SHAPES;

use crate::args::Tune;
use crate::engine::{Adapter, Engine};
use crate::failure::{Failure, Result};
use crate::terminal::print;

pub(crate) fn run(args: &Tune, adapter: Adapter<'_>) -> Result<()> {
    let Engine::Gpu(gpu) = Engine::open_plain(adapter)? else {
        return Err(Failure::input("the CPU reference has nothing to tune; name a GPU adapter"));
    };
    let shapes = if args.shapes.is_empty() { &SHAPES[..] } else { &args.shapes };
    let shapes: Vec<_> = shapes.iter().map(|shape| (shape.rows, shape.classes)).collect();
    let mut all: Option<Tuning> = None;
    for &dtype in &args.dtypes {
        let tuning = gpu.tune(&shapes, dtype)?;
        match &mut all {
            Some(all) => all.extend(&tuning)?,
            None => all = Some(tuning),
        }
    }
    let text = all.map(|all| all.to_string()).unwrap_or_default();
    match &args.output {
        None => print(&text),
        Some(path) => std::fs::write(path, text).map_err(|error| Failure::work(format!("{path}: cannot write the file: {error}"))),
    }
}
