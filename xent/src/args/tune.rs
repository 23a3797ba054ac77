//! The options of `xent tune`.

use clap::Args;
use wgpu_xent::Storage;
use xent_measure::Shape;

#[derive(Debug, Args)]
pub(crate) struct Tune {
    /// Rows and classes, as in 65536x10,4096x1000. Seven shapes by default, from 65536x10 to 1x1000000.
    #[arg(long, value_name = "NxC[,NxC..]", value_delimiter = ',', value_parser = str::parse::<Shape>)]
    pub(crate) shapes: Vec<Shape>,
    /// How logits and gradients are stored: f32, f16, bf16.
    #[arg(long, value_name = "TYPE[,TYPE..]", value_delimiter = ',', value_parser = super::bench::storage, default_value = "f32")]
    pub(crate) dtypes: Vec<Storage>,
    /// Where to write the tuning; to stdout by default.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<String>,
}
