//! What `xent loss` and `xent nll` print.

use wgpu_xent::Denominator;

use super::Request;
use super::inputs::Inputs;
use super::totals::Totals;
use crate::args::{Empty, LossOnly, Reduction};
use crate::report::{Report, number};
use crate::targets::Goal;

/// The numbers of a finished pass. Losses are in nats.
pub(super) struct Finished<'a> {
    request: &'a Request<'a>,
    inputs: &'a Inputs,
    totals: Totals,
    /// Whether the loss is a mean over nothing, which is no number.
    empty_denominator: bool,
}

impl<'a> Finished<'a> {
    pub(super) fn new(request: &'a Request<'a>, inputs: &'a Inputs, totals: Totals) -> Self {
        Self { request, inputs, totals, empty_denominator: inputs.has_empty_denominator(request) }
    }

    /// The loss, if all rows were reduced to one.
    pub(super) fn loss(&self) -> Option<f64> {
        self.reduced(self.totals.loss.total())
    }

    fn reduced(&self, sum: f64) -> Option<f64> {
        match self.request.common.reduction {
            Reduction::Mean => Some(self.mean(sum)),
            Reduction::Sum => Some(sum),
            Reduction::None => None,
        }
    }

    fn mean(&self, sum: f64) -> f64 {
        match (self.inputs.denominator, self.request.common.empty_mean) {
            (0.0, Empty::Zero) => 0.0,
            (0.0, Empty::Nan) => f64::NAN,
            (denominator, _) => sum / denominator,
        }
    }

    pub(super) fn report(&self) -> Report {
        let mut report = Report::default();
        self.add_losses(&mut report);
        self.add_shares(&mut report);
        report.count("rows", self.inputs.logits.rows());
        report.count("valid rows", self.inputs.targets.valid());
        let denominator = self.inputs.denominator;
        if denominator != self.inputs.targets.valid() as f64 {
            report.line("denominator", denominator);
        }
        report.field("denominator", number(denominator));
        report.count("classes", self.inputs.logits.classes());
        report.field("reduction", self.reduction());
        if let Some(text) = self.totals.faults.to_text(self.empty_denominator) {
            report.line("faults", text);
        }
        report.field("faults", self.totals.faults.to_json(self.empty_denominator));
        report
    }

    fn add_losses(&self, report: &mut Report) {
        let sum = self.totals.loss.total();
        let mean = self.mean(sum);
        report.line("loss", self.nats(sum));
        report.field("loss", self.loss().map(number));
        report.field("mean_loss", number(mean));
        report.field("sum_loss", number(sum));
        if self.is_log_likelihood() {
            report.line("perplexity", format!("{:.6}", mean.exp()));
            report.field("perplexity", number(mean.exp()));
        }
        if self.request.only.is_some_and(LossOnly::has_z_loss) {
            let sum = self.totals.z_loss.total();
            report.line("z-loss part", self.nats(sum));
            report.field("z_loss", self.reduced(sum).map(number));
            report.field("mean_z_loss", number(self.mean(sum)));
        }
    }

    /// A sum and what became of it, for people.
    fn nats(&self, sum: f64) -> String {
        let mean = self.mean(sum);
        match self.request.common.reduction {
            Reduction::Mean => format!("{mean:.9} nats (mean)"),
            Reduction::Sum => format!("{sum:.9} nats (sum)"),
            Reduction::None => format!("not reduced (mean {mean:.9}, sum {sum:.9} nats)"),
        }
    }

    /// What is a mean over the rows that are not ignored.
    fn add_shares(&self, report: &mut Report) {
        let valid = self.inputs.targets.valid();
        let Some(only) = self.request.only else { return };
        let mut add = |label: &str, name: &str, correct: Option<usize>| {
            let Some(correct) = correct.or((valid == 0).then_some(0)) else { return };
            let share = correct as f64 / valid as f64;
            report.line(label, format!("{share:.4} ({correct} of {valid})"));
            report.field(name, number(share));
        };
        if matches!(self.inputs.targets, Goal::Classes(_)) {
            add("accuracy", "accuracy", self.totals.correct);
        }
        if let Some(k) = only.top_k {
            add(&format!("top-{k} accuracy"), "top_k_accuracy", self.totals.correct_top_k);
            report.field("top_k", k);
        }
        if only.files.entropy.is_some() {
            let mean = self.totals.entropy.total() / valid as f64;
            report.line("entropy", format!("{mean:.9} nats (mean)"));
            report.field("mean_entropy", number(mean));
        }
    }

    /// Whether the mean is the negative log-likelihood of a target, whose exponential is the perplexity.
    fn is_log_likelihood(&self) -> bool {
        let is_plain = self.request.only.is_none_or(|only| only.label_smoothing == 0.0 && only.z_loss == 0.0);
        let is_usual = matches!(self.request.common.denominator, Denominator::TargetWeights | Denominator::ValidRows);
        is_plain && is_usual && self.inputs.is_unweighted() && matches!(self.inputs.targets, Goal::Classes(_))
    }

    fn reduction(&self) -> &'static str {
        match self.request.common.reduction {
            Reduction::Mean => "mean",
            Reduction::Sum => "sum",
            Reduction::None => "none",
        }
    }
}
