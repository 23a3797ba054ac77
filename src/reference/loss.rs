//! Cross-entropy and its gradients.

use super::reduce::{Reducer, row_weight};
use super::row::{Row, rows_of};
use super::shape::dense;
use super::terms::{Label, Terms};
use crate::{CrossEntropy, CrossEntropyResult, Error, FaultKind, FaultPolicy, FaultRows, Faults, Logits, NO_CLASS, Result, Targets};

/// Cross-entropy with one class index a row, and its gradient with respect to the logits; the formula is at [`CrossEntropy`].
///
/// The row losses, in nats, are reduced as [`Reduction`](crate::Reduction) says; the reduced loss does not contain the upstream
/// factor. The gradient of a row is `g_r a_r dz/dx (A p_c - k_c + 2 λ lse p_c)` where `k_c` is the coefficient of `lse - z_c` in the
/// loss, `A` their sum, and `g_r` the upstream factor, divided by the denominator with [`Reduction::Mean`](crate::Reduction::Mean).
/// Only what `options` asks for is `Some`; `states` never is. Values a row come in the order of the rows, the gradient in the shape
/// of the logits.
///
/// The loss adds `log(1 + Σ_{c≠t} exp(z_c - z_t))` where the target leads, and its entry of the gradient is `-Σ_{c≠t} p_c`: both
/// keep their relative accuracy however confident the row is.
///
/// What special rows get is told at [`reference`](crate::reference). A target that is masked, or whose `z` is -inf, has loss +inf
/// and a finite gradient, that of a masked one exactly 0. A mean with denominator 0 is NaN, and so is the gradient of rows with a
/// coefficient; with [`EmptyMean::Zero`](crate::EmptyMean::Zero) both are 0. `correct` and `correct_top_k` count valid rows without
/// NaN and +inf and with some `z` above -inf.
///
/// # Errors
/// [`Error::Length`] unless there is one target a row; [`Error::Target`] for a target that
/// is neither a class nor ignored; what [`CrossEntropy`]'s options say of their values;
/// [`Error::Options`] for a piece of a vocabulary; with [`FaultPolicy::Fail`]
/// [`Error::Fault`] for rows that cannot have a loss.
pub fn cross_entropy(logits: &Logits<'_>, targets: &Targets<'_>, options: &CrossEntropy<'_>) -> Result<CrossEntropyResult<f64>> {
    check(logits, options, false)?;
    let targets: Vec<_> = targets.resolve(logits.rows(), logits.classes(), options.ignore_index)?.collect();
    let reducer = Reducer::of_classes(options, &targets);
    let out = evaluate(logits, |r| targets[r].map_or(Label::Ignored, Label::Class), options, &reducer)?;
    let correct = |is_correct: &dyn Fn(&RowResult) -> bool| out.rows.iter().filter(|row| row.can_be_correct && is_correct(row)).count();
    let correct_top_k = options.top_k.map(|k| correct(&|row| row.rank < k));
    let correct = options.outputs.argmax.then(|| correct(&|row| row.rank == 0));
    Ok(CrossEntropyResult { correct, correct_top_k, ..out.into_result(logits, options, &reducer) })
}

/// Cross-entropy with a distribution `q` a row, and its gradients with respect to the logits and to `q`; the formula is at
/// [`CrossEntropy`].
///
/// As [`cross_entropy`], of whose rules about targets these remain: `q` need not add up to 1; a probability of an unmasked class that
/// is NaN or infinite counts as NaN in the row; a coefficient `w_c ((1 - ε) q_c + ε / K)` that is not 0 against a `z` of -inf makes
/// the loss infinite. The gradient with respect to `q` is `g_r a_r (1 - ε) w_c (lse - z_c)`, in the shape of the logits.
///
/// # Errors
/// As [`cross_entropy`]; [`Error::Length`] if the shapes differ; [`Error::Options`] for
/// an `ignore_index` of 0 or above, for outputs that need class indices and for a piece of a vocabulary.
pub fn soft_cross_entropy(logits: &Logits<'_>, probabilities: &Logits<'_>, options: &CrossEntropy<'_>) -> Result<CrossEntropyResult<f64>> {
    check(logits, options, true)?;
    logits.check_same_shape("probabilities", probabilities)?;
    let reducer = Reducer::of_probabilities(options, logits.rows());
    let out = evaluate(logits, |r| Label::Probabilities(probabilities.row(r).collect()), options, &reducer)?;
    Ok(out.into_result(logits, options, &reducer))
}

fn check(logits: &Logits<'_>, options: &CrossEntropy<'_>, soft: bool) -> Result<()> {
    if options.piece.is_some() {
        return Err(Error::Options("the piece of a vocabulary has no loss of its own: the reference takes all classes".into()));
    }
    options.check(logits.rows(), logits.classes(), soft)
}

/// What is known of one row.
struct RowResult {
    loss: f64,
    z_loss: f64,
    logsumexp: f64,
    log_prob: f64,
    argmax: u32,
    rank: u32,
    entropy: f64,
    /// It has a target, and probabilities.
    can_be_correct: bool,
}

/// All rows, and the faults among them. The gradients are empty unless wanted.
#[derive(Default)]
struct Evaluated {
    rows: Vec<RowResult>,
    gradients: Vec<Vec<f64>>,
    target_gradients: Vec<Vec<f64>>,
    faults: Faults,
}

fn evaluate(logits: &Logits<'_>, label: impl Fn(usize) -> Label, options: &CrossEntropy<'_>, reducer: &Reducer<'_>) -> Result<Evaluated> {
    let mut all = Evaluated::default();
    all.faults.empty_denominator = reducer.is_at_fault();
    for (r, row) in rows_of(logits, &options.transform).enumerate() {
        let label = label(r);
        let weight = row_weight(options, r);
        let fate = match fault_of(&row, &label) {
            _ if weight == 0.0 || matches!(label, Label::Ignored) => Fate::NoLoss,
            Some(fault) => {
                count(&mut all.faults, fault, r);
                Fate::Fault(if options.faults == FaultPolicy::Zero { 0.0 } else { f64::NAN })
            }
            None => Fate::Loss { weight, terms: Terms::new(&row, &label, options) },
        };
        if options.outputs.gradient {
            all.gradients.push(if reducer.is_zero() { vec![0.0; row.z.len()] } else { gradient(&row, &fate, reducer.factor(r)) });
        }
        if options.outputs.target_gradient {
            let of_row = if reducer.is_zero() { vec![0.0; row.z.len()] } else { target_gradient(&row, &fate, reducer.factor(r)) };
            all.target_gradients.push(of_row);
        }
        all.rows.push(evaluate_row(&row, &label, &fate, options));
    }
    all.faults.check(options.faults)?;
    Ok(all)
}

/// What becomes of a row.
enum Fate {
    /// It is ignored, or its weight is 0: loss and gradient are 0.
    NoLoss,
    /// It cannot have a loss: loss and gradient are this.
    Fault(f64),
    /// It has a loss.
    Loss { weight: f64, terms: Terms },
}

/// What keeps a row from having a loss. A NaN among the probabilities comes before +inf among the logits.
fn fault_of(row: &Row, label: &Label) -> Option<FaultKind> {
    let is_bad = |q: &[f64]| q.iter().zip(&row.takes_part).any(|(q, takes_part)| *takes_part && !q.is_finite());
    match label {
        Label::Probabilities(q) if is_bad(q) => Some(FaultKind::Nan),
        _ => row.fault(),
    }
}

fn count(faults: &mut Faults, fault: FaultKind, r: usize) {
    let of_kind = match fault {
        FaultKind::Nan => &mut faults.nan,
        FaultKind::PositiveInfinity => &mut faults.positive_infinity,
        FaultKind::FullyMasked => &mut faults.fully_masked,
        FaultKind::BadTarget | FaultKind::EmptyDenominator => unreachable!("no fault of a row's values"),
    };
    *of_kind = FaultRows { count: of_kind.count + 1, first: of_kind.first.or(Some(r)) };
}

/// The derivatives with respect to the logits, from the result's with respect to the row's loss.
fn gradient(row: &Row, fate: &Fate, factor: f64) -> Vec<f64> {
    match fate {
        Fate::Fault(value) => where_taking_part(row, |_| *value),
        Fate::Loss { weight, terms } if !terms.is_empty() => {
            let of_z = terms.gradient(row);
            where_taking_part(row, |c| factor * weight * of_z[c] * row.slope[c])
        }
        _ => vec![0.0; row.z.len()],
    }
}

/// The derivatives with respect to the target probabilities.
fn target_gradient(row: &Row, fate: &Fate, factor: f64) -> Vec<f64> {
    match fate {
        Fate::NoLoss => vec![0.0; row.z.len()],
        Fate::Fault(value) => where_taking_part(row, |_| *value),
        Fate::Loss { weight, terms } => terms.target_gradient(row, factor * weight),
    }
}

/// A value for each class that takes part, 0 for the others.
fn where_taking_part(row: &Row, value: impl Fn(usize) -> f64) -> Vec<f64> {
    row.takes_part.iter().enumerate().map(|(c, &takes_part)| if takes_part { value(c) } else { 0.0 }).collect()
}

fn evaluate_row(row: &Row, label: &Label, fate: &Fate, options: &CrossEntropy<'_>) -> RowResult {
    let (loss, z_loss) = match fate {
        Fate::NoLoss => (0.0, 0.0),
        Fate::Fault(value) => (*value, if options.z_loss == 0.0 { 0.0 } else { *value }),
        Fate::Loss { weight, terms } => (weight * terms.loss(row), weight * terms.z_loss(row)),
    };
    let (log_prob, rank) = match label {
        Label::Ignored => (0.0, NO_CLASS),
        Label::Class(t) => (row.log_probabilities()[*t], row.rank(*t)),
        Label::Probabilities(_) => (f64::NAN, NO_CLASS),
    };
    RowResult {
        loss,
        z_loss,
        logsumexp: row.logsumexp(),
        log_prob,
        argmax: row.argmax(),
        rank,
        entropy: if !options.outputs.entropy || row.fault().is_some() { f64::NAN } else { row.entropy() },
        can_be_correct: matches!(label, Label::Class(_)) && row.fault().is_none(),
    }
}

impl Evaluated {
    /// What was asked for.
    fn into_result(self, logits: &Logits<'_>, options: &CrossEntropy<'_>, reducer: &Reducer<'_>) -> CrossEntropyResult<f64> {
        let Self { rows, gradients, target_gradients, faults } = self;
        let wants = options.outputs;
        let each = |value: fn(&RowResult) -> f64| rows.iter().map(value).collect::<Vec<_>>();
        let (row_loss, row_z_loss) = (each(|row| row.loss), each(|row| row.z_loss));
        CrossEntropyResult {
            loss: reducer.reduced(&row_loss),
            row_loss: options.wants_row_loss().then_some(row_loss),
            logsumexp: wants.logsumexp.then(|| each(|row| row.logsumexp)),
            log_prob: wants.log_prob.then(|| each(|row| row.log_prob)),
            argmax: wants.argmax.then(|| rows.iter().map(|row| row.argmax).collect()),
            rank: wants.rank.then(|| rows.iter().map(|row| row.rank).collect()),
            entropy: wants.entropy.then(|| each(|row| row.entropy)),
            z_loss: if wants.z_loss { reducer.reduced(&row_z_loss) } else { None },
            row_z_loss: wants.z_loss.then_some(row_z_loss),
            gradient: wants.gradient.then(|| dense(logits, gradients.into_iter())),
            target_gradient: wants.target_gradient.then(|| dense(logits, target_gradients.into_iter())),
            states: None,
            valid_rows: reducer.valid_rows,
            denominator: reducer.denominator,
            correct: None,
            correct_top_k: None,
            faults,
        }
    }
}
