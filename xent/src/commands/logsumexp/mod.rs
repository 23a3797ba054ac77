//! `xent logsumexp`: one value a row, and the gradient.

mod groups;

use std::ops::Range;

use wgpu_xent::{LogitTransform, Logits};

use crate::args::Logsumexp;
use crate::engine::{Adapter, Engine};
use crate::failure::{Failure, Result};
use crate::matrix::{Matrix, open_with_groups};
use crate::outputs::{Output, check_distinct, finish};
use crate::rows::RowValues;
use crate::transform::Transform;

pub(crate) fn run(args: &Logsumexp, adapter: Adapter<'_>) -> Result<()> {
    let (array, groups) = open_with_groups(&args.logits, &args.dim)?;
    match &groups[..] {
        [dims] => one_group(args, Terms::open(args, Matrix::new(array, dims.clone())?)?, adapter),
        _ => groups::run(args, array, &groups, adapter),
    }
}

/// What is summed.
struct Terms {
    logits: Matrix,
    transform: Transform,
    /// The factors of the terms.
    b: Option<Matrix>,
}

/// The logarithms of sums, and, if their terms have factors, the sums' signs.
struct Sums {
    log: Vec<f32>,
    sign: Vec<f32>,
}

impl Terms {
    fn open(args: &Logsumexp, logits: Matrix) -> Result<Self> {
        let transform = Transform::open(&args.transform, logits.form())?;
        let b = args.b.as_deref().map(|spec| logits.open_like(spec, "factors")).transpose()?;
        Ok(Self { logits, transform, b })
    }

    /// Works on all rows, window by window, with what is needed to sum one.
    fn for_each_window(&self, engine: &Engine, mut work: impl FnMut(&Range<usize>, &Window<'_>) -> Result<()>) -> Result<()> {
        let form = self.logits.form();
        self.logits.for_each_window(engine.window_bytes(), |rows, window| {
            let transform = self.transform.window(form, rows)?;
            let factors = self.b.as_ref().map(|b| b.read(rows)).transpose()?;
            let b = factors.as_ref().map(|factors| form.view(factors, rows)).transpose()?;
            work(rows, &Window { engine, logits: *window, b, transform: transform.view()? })?;
            if let Some(b) = &self.b {
                b.release(rows);
            }
            Ok(())
        })
    }
}

/// The rows of a window.
struct Window<'a> {
    engine: &'a Engine,
    logits: Logits<'a>,
    b: Option<Logits<'a>>,
    transform: LogitTransform<'a>,
}

impl Window<'_> {
    fn sums(&self) -> Result<Sums> {
        let sums = match &self.b {
            Some(b) => self.engine.signed_logsumexp(&self.logits, b, &self.transform).map(|(log, sign)| Sums { log, sign }),
            None => self.engine.logsumexp(&self.logits, &self.transform).map(|log| Sums { log, sign: vec![] }),
        };
        Ok(sums?)
    }

    fn gradient(&self, sums: &Sums, upstream: &[f32]) -> Result<Vec<f32>> {
        let Self { engine, logits, b, transform } = self;
        let gradient = match b {
            Some(b) => engine.signed_logsumexp_backward(logits, b, (&sums.log, &sums.sign), upstream, transform),
            None => engine.logsumexp_backward(logits, &sums.log, upstream, transform),
        };
        Ok(gradient?)
    }
}

/// The files that are written, and the gradient that arrives from above.
struct Files {
    output: Output,
    sign: Output,
    gradient: Output,
    upstream: Option<RowValues>,
}

impl Files {
    /// `shape` is that of the result, `kept` the same with the reduced dimensions as 1.
    fn open(args: &Logsumexp, logits: &[usize], shape: &[usize], kept: &[usize]) -> Result<Self> {
        let upstream = args.upstream.as_deref().map(|spec| RowValues::open(spec, "upstream gradient", &[shape, kept]));
        let result = if args.keepdim { kept } else { shape };
        let files = Self {
            output: Output::create(Some(&args.output), result)?,
            sign: Output::create(args.sign.as_deref(), result)?,
            gradient: Output::create(args.grad.as_deref(), logits)?,
            upstream: upstream.transpose()?,
        };
        check_distinct(&[&files.output, &files.sign, &files.gradient])?;
        Ok(files)
    }

    fn write_sums(&mut self, sums: &Sums) -> Result<()> {
        self.output.write(&sums.log)?;
        self.sign.write(&sums.sign)
    }

    fn finish(self) -> Result<()> {
        finish([self.output, self.sign, self.gradient])
    }
}

fn one_group(args: &Logsumexp, terms: Terms, adapter: Adapter<'_>) -> Result<()> {
    let form = terms.logits.form();
    let mut files = Files::open(args, form.shape(), &form.leading(), &form.kept())?;
    let engine = Engine::open(adapter)?;
    terms.for_each_window(&engine, |rows, window| {
        let sums = window.sums()?;
        files.write_sums(&sums)?;
        if let Some(upstream) = &files.upstream {
            let gradient = window.gradient(&sums, &upstream.read(rows)?)?;
            files.gradient.write_rows(form, rows, &gradient)?;
        }
        Ok(())
    })?;
    files.finish()
}

/// Values of rows or classes have no meaning where the dimensions of the classes do not follow each other.
fn check_apart(args: &Logsumexp, transform: &Transform) -> Result<()> {
    if transform.has_rows_or_classes() {
        let dims = &args.dim;
        return Err(Failure::input(format!(
            "dimensions {dims:?} do not follow each other: these need one temperature or scale for all rows, and a class mask of the \
             logits' shape"
        )));
    }
    Ok(())
}
