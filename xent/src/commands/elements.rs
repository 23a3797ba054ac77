//! What the losses of elements have in common: files, sums over windows, the report.

use std::ops::Range;
use std::time::Instant;

use wgpu_xent::{ElementLoss, ElementReduction, Logits};

use crate::args::{self, KlReduction, LossFiles};
use crate::engine::{Adapter, ElementLosses, Engine};
use crate::failure::Result;
use crate::matrix::Matrix;
use crate::outputs::{Output, check_distinct, finish};
use crate::report::{Report, number};
use crate::sum::Sum;

/// What the sum of all losses is divided by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Total {
    name: &'static str,
    /// `None`: it is not made.
    divisor: Option<usize>,
}

impl Total {
    pub(super) fn new(reduction: args::ElementReduction, count: usize) -> Self {
        match reduction {
            args::ElementReduction::Mean => Self { name: "mean", divisor: Some(count) },
            args::ElementReduction::Sum => Self { name: "sum", divisor: Some(1) },
            args::ElementReduction::None => Self { name: "none", divisor: None },
        }
    }

    pub(super) fn of_kl(reduction: KlReduction, input: &Matrix) -> Self {
        match reduction {
            KlReduction::Mean => Self::new(args::ElementReduction::Mean, input.len()),
            KlReduction::Sum => Self::new(args::ElementReduction::Sum, input.len()),
            KlReduction::None => Self::new(args::ElementReduction::None, input.len()),
            KlReduction::Batchmean => Self { name: "batchmean", divisor: Some(input.shape().first().copied().unwrap_or(1)) },
        }
    }
}

/// A loss to compute, and where it goes.
pub(super) struct Pass<'a> {
    pub(super) input: &'a Matrix,
    pub(super) total: Total,
    /// What a mean is over, for people.
    pub(super) count: (&'static str, usize),
    pub(super) files: &'a LossFiles,
    pub(super) target_grad: Option<&'a str>,
    /// Where the loss of each row goes.
    pub(super) rows: Option<&'a str>,
    /// Whether the losses are those of rows, not of elements.
    pub(super) by_row: bool,
}

impl Pass<'_> {
    /// Computes the loss window by window, writes the files and prints the report.
    pub(super) fn run(
        &self,
        adapter: Adapter<'_>,
        compute: impl Fn(&Engine, &Range<usize>, &Logits<'_>, ElementLoss) -> Result<ElementLosses>,
    ) -> Result<()> {
        let (shape, form) = (self.input.shape(), self.input.form());
        let leading = self.input.leading();
        let unreduced: &[usize] = if self.by_row { &leading } else { shape };
        let mut loss = Output::create(self.files.loss.as_deref(), if self.total.divisor.is_none() { unreduced } else { &[] })?;
        let mut gradient = Output::create_as(self.files.grad.as_deref(), shape, self.files.dtype.into())?;
        let mut target_gradient = Output::create_as(self.target_grad, shape, self.files.dtype.into())?;
        let mut row_losses = Output::create(self.rows, &leading)?;
        check_distinct(&[&loss, &gradient, &target_gradient, &row_losses])?;

        let engine = Engine::open(adapter)?;
        let start = Instant::now();
        let options = self.options().gradient(gradient.is_wanted()).target_gradient(target_gradient.is_wanted());
        let mut sum = Sum::default();
        self.input.for_each_window(engine.window_bytes(), |rows, window| {
            let losses = compute(&engine, rows, window, options)?;
            losses.rows.iter().for_each(|&row| sum.add(row));
            let rounded: Vec<f32> = losses.rows.iter().map(|&row| row as f32).collect();
            row_losses.write(&rounded)?;
            match self.total.divisor {
                None if self.by_row => loss.write(&rounded)?,
                None => loss.write_rows(form, rows, &losses.elements)?,
                Some(_) => {}
            }
            gradient.write_rows(form, rows, &losses.gradient)?;
            target_gradient.write_rows(form, rows, &losses.target_gradient)
        })?;

        let reduced = self.total.divisor.map(|divisor| sum.total() / divisor as f64);
        if let Some(reduced) = reduced {
            loss.write(&[reduced as f32])?;
        }
        finish([loss, gradient, target_gradient, row_losses])?;
        self.report(reduced, sum.total()).print(self.files.json, &engine, start)
    }

    /// A window does not know the divisor of all: it is given as the size of the batch.
    fn options(&self) -> ElementLoss {
        let options = ElementLoss::new().row_loss(true);
        match self.total.divisor {
            Some(divisor) => options.reduction(ElementReduction::BatchMean).batch(divisor),
            None if self.by_row => options.reduction(ElementReduction::Sum),
            None => options.reduction(ElementReduction::None),
        }
    }

    fn report(&self, reduced: Option<f64>, sum: f64) -> Report {
        let (what, count) = self.count;
        let mean = sum / count as f64;
        let mut report = Report::default();
        report.line(
            "loss",
            match reduced {
                Some(loss) => format!("{loss:.9} nats ({})", self.total.name),
                None => format!("not reduced (mean {mean:.9}, sum {sum:.9} nats)"),
            },
        );
        report.field("loss", reduced.map(number));
        report.field("mean_loss", number(mean));
        report.field("sum_loss", number(sum));
        report.count(what, count);
        report.field("reduction", self.total.name);
        report
    }
}
