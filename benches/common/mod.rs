//! What the command lines of the benches have in common.

use wgpu_xent::Gpu;
use xent_measure::{choices, opened};

/// What the command line says.
#[derive(Debug, Default)]
pub(crate) struct Args {
    /// One adapter only, by its place or a part of its name; else all.
    adapter: Option<String>,
    /// Little and short, to see that everything runs.
    pub(crate) quick: bool,
    /// Whether results are written below `benches/results`.
    pub(crate) save: bool,
    /// Whether to compare the strategies with each other.
    pub(crate) strategies: bool,
    /// Only what has this in its name.
    pub(crate) only: Option<String>,
}

impl Args {
    /// From the command line; says what is possible and exits if it makes no sense.
    pub(crate) fn parse() -> Self {
        Self::from(std::env::args().skip(1)).unwrap_or_else(|problem| {
            fail(&format!("{problem}\noptions: [--adapter NAME|INDEX|all] [--quick] [--save] [--strategies] [TEXT: only what is named so]"))
        })
    }

    fn from(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self::default();
        while let Some(word) = words.next() {
            match word.as_str() {
                // What cargo passes to every bench.
                "--bench" => {}
                "--quick" => args.quick = true,
                "--save" => args.save = true,
                "--strategies" => args.strategies = true,
                "--adapter" => args.adapter = Some(words.next().ok_or("--adapter needs a name, an index or all")?),
                option if option.starts_with('-') => return Err(format!("unknown option {option}")),
                _ => args.only = Some(word),
            }
        }
        if args.save && (args.quick || args.only.is_some()) {
            return Err("--save is for whole runs".into());
        }
        Ok(args)
    }

    /// The adapters asked for, opened.
    pub(crate) fn gpus(&self) -> Vec<Gpu> {
        let choices = choices(self.adapter.as_deref().unwrap_or("all"));
        let gpus: Vec<Gpu> = choices.iter().map(|c| opened(c).unwrap_or_else(|e| fail(&e.to_string()))).collect();
        if gpus.is_empty() {
            fail("no adapter; a software one comes with the package mesa-vulkan-drivers");
        }
        gpus
    }

    /// Whether something of this name is asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only))
    }
}

/// Ends the program with a word to the user.
pub(crate) fn fail(problem: &str) -> ! {
    eprintln!("{problem}");
    std::process::exit(1);
}
