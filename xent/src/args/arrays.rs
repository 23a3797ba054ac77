//! The commands that make arrays of arrays.

use clap::Args;

use super::shared::{ClassDim, Transform};
use super::values::{FloatType, count, seed};

#[derive(Debug, Args)]
pub(crate) struct Softmax {
    /// The array to normalise.
    pub(crate) logits: String,
    /// Where to write the result, of the same shape.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: String,
    /// The type of what is written.
    #[arg(long, value_enum, default_value_t = FloatType::Float32)]
    pub(crate) dtype: FloatType,
    /// Log-softmax, in nats, instead of probabilities.
    #[arg(long)]
    pub(crate) log: bool,
    #[command(flatten)]
    pub(crate) dim: ClassDim,
    /// Where to write the gradient with respect to the logits; not with --softcap.
    #[arg(long, value_name = "FILE", requires = "upstream", conflicts_with = "softcap")]
    pub(crate) grad: Option<String>,
    /// The gradient with respect to the result, of the logits' shape.
    #[arg(long, value_name = "FILE", requires = "grad")]
    pub(crate) upstream: Option<String>,
    #[command(flatten)]
    pub(crate) transform: Transform,
}

#[derive(Debug, Args)]
pub(crate) struct Logsumexp {
    /// The array to reduce.
    pub(crate) logits: String,
    /// Where to write the result, of the logits' shape without the reduced dimensions.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: String,
    /// The dimensions to reduce, by default 1 of two or more; negative ones count from the end. If they do not follow each other, what the longest of their runs
    /// reduces to is held in memory.
    #[arg(long, value_name = "D[,D..]", allow_hyphen_values = true, value_delimiter = ',')]
    pub(crate) dim: Vec<i64>,
    /// Keep the reduced dimensions, with size 1.
    #[arg(long)]
    pub(crate) keepdim: bool,
    /// Factors of the terms, of the logits' shape and of either sign: log |sum b exp(x)|.
    #[arg(long, value_name = "FILE")]
    pub(crate) b: Option<String>,
    /// Where to write the signs of the sums with factors: 1, -1 or 0.
    #[arg(long, value_name = "OUT", requires = "b")]
    pub(crate) sign: Option<String>,
    /// Where to write the gradient with respect to the logits.
    #[arg(long, value_name = "FILE", requires = "upstream")]
    pub(crate) grad: Option<String>,
    /// The gradient with respect to the result: of its shape, or one element for all rows.
    #[arg(long, value_name = "FILE", requires = "grad")]
    pub(crate) upstream: Option<String>,
    #[command(flatten)]
    pub(crate) transform: Transform,
}

#[derive(Debug, Args)]
pub(crate) struct Sigmoid {
    /// The array whose elements are taken.
    pub(crate) logits: String,
    /// Where to write the result, of the same shape.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: String,
}

#[derive(Debug, Args)]
pub(crate) struct Sample {
    /// The scores of the classes.
    pub(crate) logits: String,
    /// Where to write the classes, one a row; -1 for rows that have no distribution.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: String,
    /// Draw only among the K most probable classes.
    #[arg(long, value_name = "K", value_parser = count(), allow_negative_numbers = true)]
    pub(crate) top_k: Option<u32>,
    /// Draw only among the fewest most probable classes that together have the probability P.
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    pub(crate) top_p: Option<f32>,
    /// Where the randomness starts: the same seed gives the same classes.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = seed, allow_negative_numbers = true)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) dim: ClassDim,
    #[command(flatten)]
    pub(crate) transform: Transform,
}

#[derive(Debug, Args)]
pub(crate) struct TopK {
    /// The scores of the classes.
    pub(crate) logits: String,
    /// How many classes of each row: from 1 to all.
    #[arg(short, long, value_name = "K", value_parser = count(), allow_negative_numbers = true)]
    pub(crate) k: u32,
    /// Where to write the classes, of the logits' shape with K in the dimension of the classes; the most probable first, -1 where
    /// fewer take part.
    #[arg(long, value_name = "OUT", required_unless_present = "log_probs")]
    pub(crate) indices: Option<String>,
    /// Where to write their log-probabilities, of the same shape.
    #[arg(long, value_name = "OUT")]
    pub(crate) log_probs: Option<String>,
    #[command(flatten)]
    pub(crate) dim: ClassDim,
    #[command(flatten)]
    pub(crate) transform: Transform,
}
