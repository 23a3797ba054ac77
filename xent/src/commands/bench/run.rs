//! The measurements on one adapter.

use wgpu_xent::{AdapterChoice, Error, Gpu};
use xent_measure::{
    Case, Environment, HostPath, Limits, OPERATIONS, Operation, Problem, QUICK_SHAPES, Record, SHAPES, Shape, choices, opened,
};

use crate::args::Bench;
use crate::engine::{Adapter, tuned, unknown_adapter};
use crate::failure::{Failure, Result};

/// Everything that a page shows of an adapter.
#[derive(Debug)]
pub(super) struct AdapterRun {
    pub(super) environment: Environment,
    /// How records name it.
    pub(super) name: String,
    pub(super) records: Vec<Record>,
    pub(super) paths: Vec<Path>,
    /// What could not be measured, and why.
    pub(super) skipped: Vec<String>,
}

/// What a call from slices consists of.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) shape: Shape,
    pub(super) dtype: String,
    pub(super) times: HostPath,
}

/// The adapters asked for, the best one by default.
pub(super) fn adapters(adapter: Adapter<'_>) -> Result<Vec<Gpu>> {
    let asked = adapter.name.unwrap_or_default();
    let choices = match asked {
        "" => vec![AdapterChoice::Best],
        "reference" => {
            return Err(Failure::input("--adapter reference: it is not measured, only compared with; name a GPU adapter or all"));
        }
        _ => choices(asked),
    };
    if choices.is_empty() {
        return Err(Error::NoAdapter.into());
    }
    let open = |choice: &AdapterChoice| match opened(choice) {
        Err(Error::AdapterNotFound { .. }) if !asked.is_empty() => Err(unknown_adapter(asked)),
        other => tuned(other?.avoiding(adapter.avoid)),
    };
    choices.iter().map(open).collect()
}

/// Calls from slices take long: their parts need less than results to be reported.
const COARSE: Limits = Limits { warm_ups: 1, samples: 5, milliseconds: 100.0, most: 11 };

impl AdapterRun {
    /// Measures, tells each record, and what is to be said besides.
    pub(super) fn new(
        args: &Bench,
        gpu: &Gpu,
        say: &impl Fn(&str) -> Result<()>,
        each: &mut impl FnMut(&Record) -> Result<()>,
    ) -> Result<Self> {
        let environment = Environment::now(gpu);
        say(&format!("{environment}\n{}\n", Record::head()))?;
        let mut run = Self { environment, name: String::new(), records: Vec::new(), paths: Vec::new(), skipped: Vec::new() };
        let default: &[Shape] = if args.quick { &QUICK_SHAPES } else { &SHAPES };
        let shapes = if args.shapes.is_empty() { default } else { &args.shapes };
        for &dtype in &args.dtypes {
            for &shape in shapes {
                let what = format!("{shape} {dtype}");
                match Case::new(gpu, shape, dtype) {
                    Ok(case) => run.case(args, &case, &what, say, each)?,
                    Err(problem) => run.skip(&what, &problem, say)?,
                }
            }
        }
        say("\n")?;
        Ok(run)
    }

    fn case(
        &mut self,
        args: &Bench,
        case: &Case,
        what: &str,
        say: &impl Fn(&str) -> Result<()>,
        each: &mut impl FnMut(&Record) -> Result<()>,
    ) -> Result<()> {
        let limits = if args.quick { Limits::QUICK } else { Limits::FULL };
        say(&format!("{what}: {}\n", case.rotation()))?;
        case.check_ceilings().map_err(|problem| Failure::work(problem.to_string()))?;
        let mut right: Vec<&Operation> = Vec::new();
        for operation in OPERATIONS.iter().filter(|o| args.ops.is_empty() || args.ops.iter().any(|asked| asked.name == o.name)) {
            match case.check(case.gpu(), operation) {
                Ok(()) => right.push(operation),
                Err(Problem::Wrong(problem)) => return Err(Failure::work(problem)),
                Err(refused) => self.skip(&format!("{} {what}", operation.name), &refused, say)?,
            }
        }
        for record in case.measure(&right, limits) {
            each(&record)?;
            self.name.clone_from(&record.adapter);
            self.records.push(record);
        }
        if args.html.is_none() {
            return Ok(());
        }
        for operation in right {
            let limits = if args.quick { Limits::QUICK } else { COARSE };
            let Some(times) = case.host_path(operation, limits) else { continue };
            let (shape, dtype) = (case.shape(), case.storage().to_string());
            self.paths.push(Path { shape, dtype, times: times? });
        }
        Ok(())
    }

    fn skip(&mut self, what: &str, problem: &Problem, say: &impl Fn(&str) -> Result<()>) -> Result<()> {
        let line = format!("skipped {what}: {problem}");
        say(&format!("{line}\n"))?;
        self.skipped.push(line);
        Ok(())
    }
}
