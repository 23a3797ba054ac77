//! What the command line says.

use std::path::PathBuf;

use wgpu_xent::{AdapterChoice, Gpu};

/// Rows and classes: those of the benches.
const SHAPES: &str = "65536x10,16384x128,4096x1000,1024x32000,256x128256,8x262144,1x1000000";
const QUICK_SHAPES: &str = "8192x10,512x1000,32x32000";

/// All peers, in the order of the table.
pub(crate) const PEERS: [&str; 8] = ["ours", "burn-wgpu", "burn-cpu", "candle", "rayon", "web", "plain", "torch"];

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Args {
    /// The adapters; all of them if `None`.
    adapter: Option<AdapterChoice>,
    /// Little and short, to see that everything runs.
    pub(crate) quick: bool,
    /// Where the records go, one a line.
    pub(crate) json: Option<PathBuf>,
    /// Rows and classes.
    pub(crate) shapes: Vec<(usize, usize)>,
    /// What is compared.
    peers: Vec<String>,
    /// The milliseconds that one call may take.
    pub(crate) budget: f64,
}

impl Args {
    /// From the command line; says what is possible and exits if it makes no sense.
    pub(crate) fn parse() -> Self {
        Self::from(std::env::args().skip(1)).unwrap_or_else(|problem| {
            let peers = PEERS.join(",");
            fail(&format!(
                "{problem}\noptions: [--adapter NAME|INDEX|all] [--quick] [--json FILE] [--shapes 4096x1000,..] [--peers {peers}] [--budget MILLISECONDS]"
            ))
        })
    }

    /// From a line, for tests.
    #[cfg(test)]
    pub(crate) fn parse_from(line: &str) -> Self {
        Self::from(line.split_whitespace().map(String::from)).expect("options are right")
    }

    fn from(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self {
            adapter: Some(AdapterChoice::Best),
            quick: false,
            json: None,
            shapes: Vec::new(),
            peers: PEERS.map(String::from).to_vec(),
            budget: 10_000.0,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--quick" => args.quick = true,
                "--adapter" => args.adapter = choice(&value()?),
                "--json" => args.json = Some(value()?.into()),
                "--shapes" => args.shapes = shapes(&value()?)?,
                "--peers" => args.peers = peers(&value()?)?,
                "--budget" => args.budget = value()?.parse().map_err(|_| "--budget needs a number")?,
                _ => return Err(format!("unknown option {word}")),
            }
        }
        if args.shapes.is_empty() {
            args.shapes = shapes(if args.quick { QUICK_SHAPES } else { SHAPES })?;
        }
        Ok(args)
    }

    /// The adapters asked for, opened.
    pub(crate) fn gpus(&self) -> Vec<Gpu> {
        let choices = match &self.adapter {
            Some(choice) => vec![choice.clone()],
            None => Gpu::adapters().iter().map(|a| AdapterChoice::Index(a.index)).collect(),
        };
        choices.iter().map(|c| Gpu::open(c).unwrap_or_else(|e| fail(&e.to_string()))).collect()
    }

    /// Whether a peer is asked for.
    pub(crate) fn wants(&self, peer: &str) -> bool {
        self.peers.iter().any(|p| p == peer)
    }
}

fn choice(word: &str) -> Option<AdapterChoice> {
    match word {
        "all" => None,
        _ => Some(word.parse().map_or_else(|_| AdapterChoice::Name(word.into()), AdapterChoice::Index)),
    }
}

fn shapes(text: &str) -> Result<Vec<(usize, usize)>, String> {
    let shape = |word: &str| {
        let (rows, classes) = word.split_once('x')?;
        Some((rows.parse().ok()?, classes.parse().ok()?)).filter(|&(rows, classes): &(usize, usize)| rows * classes > 0)
    };
    text.split(',').map(|word| shape(word).ok_or_else(|| format!("{word} is no shape: ROWSxCLASSES"))).collect()
}

fn peers(text: &str) -> Result<Vec<String>, String> {
    let known =
        |word: &str| if PEERS.contains(&word) { Ok(word.to_owned()) } else { Err(format!("{word} is no peer: {}", PEERS.join(", "))) };
    text.split(',').map(known).collect()
}

/// Ends the program with a word to the user.
pub(crate) fn fail(problem: &str) -> ! {
    eprintln!("{problem}");
    std::process::exit(1);
}
