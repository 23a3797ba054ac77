//! Cross-entropy at host level: class indices or probabilities as targets, the backward pass, pieces of a vocabulary.

use super::settings::{checked, is_empty_fault, row_outputs, set_coefficients, set_features, set_params, summary_of, wants_rank};
use crate::factor::check_len;
use crate::gpu::Gpu;
use crate::host::{run, run_into};
use crate::job::{Done, Job};
use crate::options::{CrossEntropy, CrossEntropyResult, EmptyMean, Reduction};
use crate::shader::CROSS_ENTROPY_KERNEL;
use crate::views::IGNORED;
use crate::words::{RowInput, RowOutput};
use crate::{Element, Error, Logits, Result, RowState, Targets};

/// The targets of a call.
#[derive(Clone, Copy)]
enum Goal<'a> {
    Indices(Targets<'a>),
    Probabilities(Logits<'a>),
}

impl Gpu {
    /// Cross-entropy with a class index `t` for each row, in nats, and in the same pass whatever else the options ask for:
    ///
    /// ```text
    /// loss_r = a_r ( (1 - ε) w_t (lse - z_t) + ε/K Σ_c w_c (lse - z_c) + λ lse² )
    /// ```
    ///
    /// with `z` the transformed logits, `lse` their log-sum-exp, and the weights of [`CrossEntropy`]; by default `lse - x_t`.
    ///
    /// **Gradient.** With `A` the sum of the coefficients before the brackets with `lse - z`: `dl/dz_c = a (A p_c - coefficient_c + 2 λ lse p_c)`,
    /// times `dz/dx` and the upstream gradient, over the denominator with [`Reduction::Mean`]; by default `(p_c - [c = t]) / rows`.
    /// **Shapes.** `targets`: one a row, in the order of the logits' shape without the classes; results: see [`CrossEntropyResult`].
    /// **Edge cases.** An ignored row, or one of weight 0, has loss 0 and gradient exactly 0, whatever it holds. A class that does not
    /// take part has gradient exactly 0. A term whose coefficient is 0 contributes 0, also against -inf. The mean over nothing
    /// is NaN, or 0 by choice. A target of -inf, or one that does not take part, gives loss +inf and a finite gradient. NaN or +inf in a
    /// row, or nothing above -inf: see [`FaultPolicy`](crate::FaultPolicy); the result counts such rows.
    /// **Accuracy.** Row loss and the gradient at the largest class and at the target: relative error below 1e-6 of the sum of the
    /// absolute terms at any confidence, as far as they are normal f32; with a scale or softcap, that of the rounded `z` more.
    ///
    /// # Errors
    /// [`Error::Length`] or [`Error::Target`] for wrong targets, [`Error::Value`] or [`Error::Options`] for wrong options, [`Error::Fault`] if
    /// the policy says so, and those of [`softmax`](Self::softmax).
    ///
    /// ```no_run
    /// # use wgpu_xent::{CrossEntropy, Gpu, Logits, Targets};
    /// let gpu = Gpu::new()?;
    /// let logits = Logits::new(&[0.0_f32, 0.0, 2.0, 0.0], 2, 2)?;
    /// let options = CrossEntropy::new().label_smoothing(0.1).gradient(true);
    /// let out = gpu.cross_entropy(&logits, &Targets::new(&[1, 0]), &options)?;
    /// println!("{:?} nats, gradient {:?}", out.loss, out.gradient);
    /// # Ok::<(), wgpu_xent::Error>(())
    /// ```
    pub fn cross_entropy(&self, logits: &Logits<'_>, targets: &Targets<'_>, options: &CrossEntropy<'_>) -> Result<CrossEntropyResult> {
        pollster::block_on(self.blocking().cross_entropy_async(logits, targets, options))
    }

    /// [`cross_entropy`](Self::cross_entropy), awaited.
    ///
    /// # Errors
    /// As [`cross_entropy`](Self::cross_entropy).
    pub async fn cross_entropy_async(
        &self,
        logits: &Logits<'_>,
        targets: &Targets<'_>,
        options: &CrossEntropy<'_>,
    ) -> Result<CrossEntropyResult> {
        self.loss(logits, Goal::Indices(*targets), None, options).await
    }

    /// [`cross_entropy`](Self::cross_entropy) with gradients rounded to `G` on the device: half the bytes come back if it is `f16` or
    /// `bf16`. A mean over many rows has gradients below the smallest `f16`, 6e-8: scale them with
    /// [`upstream`](CrossEntropy::upstream), or use `bf16`.
    ///
    /// # Errors
    /// As [`cross_entropy`](Self::cross_entropy).
    pub fn cross_entropy_as<G: Element>(
        &self,
        logits: &Logits<'_>,
        targets: &Targets<'_>,
        options: &CrossEntropy<'_>,
    ) -> Result<CrossEntropyResult<f32, G>> {
        pollster::block_on(self.blocking().cross_entropy_as_async(logits, targets, options))
    }

    /// [`cross_entropy_as`](Self::cross_entropy_as), awaited.
    ///
    /// # Errors
    /// As [`cross_entropy`](Self::cross_entropy).
    pub async fn cross_entropy_as_async<G: Element>(
        &self,
        logits: &Logits<'_>,
        targets: &Targets<'_>,
        options: &CrossEntropy<'_>,
    ) -> Result<CrossEntropyResult<f32, G>> {
        self.loss(logits, Goal::Indices(*targets), None, options).await
    }

    /// [`cross_entropy_as`](Self::cross_entropy_as) with the gradient in memory of the caller, dense, of the logits' shape, whether
    /// the options ask for it or not; the result has none. Used again, the memory spares each call the time to touch fresh one.
    /// After an error it holds anything.
    ///
    /// # Errors
    /// As [`cross_entropy`](Self::cross_entropy), and [`Error::Length`] unless there is room for exactly the gradient.
    pub fn cross_entropy_into<G: Element>(
        &self,
        logits: &Logits<'_>,
        targets: &Targets<'_>,
        options: &CrossEntropy<'_>,
        gradient: &mut [G],
    ) -> Result<CrossEntropyResult<f32, G>> {
        pollster::block_on(self.blocking().cross_entropy_into_async(logits, targets, options, gradient))
    }

    /// [`cross_entropy_into`](Self::cross_entropy_into), awaited.
    ///
    /// # Errors
    /// As [`cross_entropy_into`](Self::cross_entropy_into).
    pub async fn cross_entropy_into_async<G: Element>(
        &self,
        logits: &Logits<'_>,
        targets: &Targets<'_>,
        options: &CrossEntropy<'_>,
        gradient: &mut [G],
    ) -> Result<CrossEntropyResult<f32, G>> {
        check_len("gradient", gradient.len(), logits.rows() * logits.classes())?;
        self.loss_into(logits, Goal::Indices(*targets), None, &options.gradient(true), Some(gradient)).await
    }

    /// Cross-entropy with a distribution `q` over the classes for each row, of the logits' shape: one-hot, soft, normalised or not.
    ///
    /// ```text
    /// loss_r = a_r ( Σ_c w_c ((1 - ε) q_c + ε/K) (lse - z_c) + λ lse² )
    /// ```
    ///
    /// Otherwise as [`cross_entropy`](Self::cross_entropy), and the mean divides by the rows unless another denominator is chosen.
    /// The gradient with respect to `q` is `a (1 - ε) w_c (lse - z_c)`, on request.
    ///
    /// # Errors
    /// [`Error::Length`] if the shapes differ, and those of [`cross_entropy`](Self::cross_entropy).
    pub fn soft_cross_entropy(
        &self,
        logits: &Logits<'_>,
        probabilities: &Logits<'_>,
        options: &CrossEntropy<'_>,
    ) -> Result<CrossEntropyResult> {
        pollster::block_on(self.blocking().soft_cross_entropy_async(logits, probabilities, options))
    }

    /// [`soft_cross_entropy`](Self::soft_cross_entropy), awaited.
    ///
    /// # Errors
    /// As [`soft_cross_entropy`](Self::soft_cross_entropy).
    pub async fn soft_cross_entropy_async(
        &self,
        logits: &Logits<'_>,
        probabilities: &Logits<'_>,
        options: &CrossEntropy<'_>,
    ) -> Result<CrossEntropyResult> {
        self.loss(logits, Goal::Probabilities(*probabilities), None, options).await
    }

    /// [`soft_cross_entropy`](Self::soft_cross_entropy) with gradients rounded to `G`: see [`cross_entropy_as`](Self::cross_entropy_as).
    ///
    /// # Errors
    /// As [`soft_cross_entropy`](Self::soft_cross_entropy).
    pub fn soft_cross_entropy_as<G: Element>(
        &self,
        logits: &Logits<'_>,
        probabilities: &Logits<'_>,
        options: &CrossEntropy<'_>,
    ) -> Result<CrossEntropyResult<f32, G>> {
        pollster::block_on(self.blocking().soft_cross_entropy_as_async(logits, probabilities, options))
    }

    /// [`soft_cross_entropy_as`](Self::soft_cross_entropy_as), awaited.
    ///
    /// # Errors
    /// As [`soft_cross_entropy`](Self::soft_cross_entropy).
    pub async fn soft_cross_entropy_as_async<G: Element>(
        &self,
        logits: &Logits<'_>,
        probabilities: &Logits<'_>,
        options: &CrossEntropy<'_>,
    ) -> Result<CrossEntropyResult<f32, G>> {
        self.loss(logits, Goal::Probabilities(*probabilities), None, options).await
    }

    /// The gradient of [`cross_entropy`](Self::cross_entropy) from the [`states`](CrossEntropy::states) that its forward pass
    /// returned: one read and one write, no sums. The options are those of the forward pass; their outputs are not looked at.
    ///
    /// # Errors
    /// As [`cross_entropy`](Self::cross_entropy), and [`Error::Length`] unless there is one state a row.
    pub fn cross_entropy_backward(
        &self,
        logits: &Logits<'_>,
        targets: &Targets<'_>,
        states: &[RowState],
        options: &CrossEntropy<'_>,
    ) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().cross_entropy_backward_async(logits, targets, states, options))
    }

    /// [`cross_entropy_backward`](Self::cross_entropy_backward), awaited.
    ///
    /// # Errors
    /// As [`cross_entropy_backward`](Self::cross_entropy_backward).
    pub async fn cross_entropy_backward_async(
        &self,
        logits: &Logits<'_>,
        targets: &Targets<'_>,
        states: &[RowState],
        options: &CrossEntropy<'_>,
    ) -> Result<Vec<f32>> {
        let options = options.only_gradient();
        Ok(self.loss(logits, Goal::Indices(*targets), Some(states), &options).await?.gradient.unwrap_or_default())
    }

    /// [`cross_entropy_backward`](Self::cross_entropy_backward) for targets that are probabilities.
    ///
    /// # Errors
    /// As [`cross_entropy_backward`](Self::cross_entropy_backward).
    pub fn soft_cross_entropy_backward(
        &self,
        logits: &Logits<'_>,
        probabilities: &Logits<'_>,
        states: &[RowState],
        options: &CrossEntropy<'_>,
    ) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().soft_cross_entropy_backward_async(logits, probabilities, states, options))
    }

    /// [`soft_cross_entropy_backward`](Self::soft_cross_entropy_backward), awaited.
    ///
    /// # Errors
    /// As [`cross_entropy_backward`](Self::cross_entropy_backward).
    pub async fn soft_cross_entropy_backward_async(
        &self,
        logits: &Logits<'_>,
        probabilities: &Logits<'_>,
        states: &[RowState],
        options: &CrossEntropy<'_>,
    ) -> Result<Vec<f32>> {
        let options = options.only_gradient();
        Ok(self.loss(logits, Goal::Probabilities(*probabilities), Some(states), &options).await?.gradient.unwrap_or_default())
    }

    /// The states of rows of which the logits are a piece of the vocabulary ([`CrossEntropy::piece`]), from this device or another:
    /// merged ([`RowState::merge`]) with those of the other pieces, they finish every loss.
    ///
    /// ```no_run
    /// # use wgpu_xent::{CrossEntropy, Gpu, Logits, RowState, Targets};
    /// # let (left, right) = ([0.0_f32; 6], [1.0_f32; 4]);
    /// let gpu = Gpu::new()?;
    /// // Two rows of five classes, the first three of which are here, the last two there.
    /// let targets = Targets::new(&[0, 4]);
    /// let (here, there) = (Logits::new(&left, 2, 3)?, Logits::new(&right, 2, 2)?);
    /// let options = CrossEntropy::new().gradient(true);
    /// let a = gpu.row_states(&here, &targets, &options.piece(0, 5))?;
    /// let b = gpu.row_states(&there, &targets, &options.piece(3, 5))?;
    /// let states: Vec<RowState> = a.into_iter().zip(b).map(|(a, b)| a.merge(b)).collect();
    /// let out = gpu.cross_entropy_from_states(&there, &targets, &states, &options.piece(3, 5))?;
    /// println!("{:?} nats; gradient of the last two classes: {:?}", out.loss, out.gradient);
    /// # Ok::<(), wgpu_xent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`cross_entropy`](Self::cross_entropy); [`Error::Options`] for the rank, which needs the whole vocabulary.
    pub fn row_states(&self, logits: &Logits<'_>, targets: &Targets<'_>, options: &CrossEntropy<'_>) -> Result<Vec<RowState>> {
        pollster::block_on(self.blocking().states(logits, Goal::Indices(*targets), options))
    }

    /// [`row_states`](Self::row_states) for targets that are probabilities, of which these are the piece too.
    ///
    /// # Errors
    /// As [`row_states`](Self::row_states).
    pub fn soft_row_states(&self, logits: &Logits<'_>, probabilities: &Logits<'_>, options: &CrossEntropy<'_>) -> Result<Vec<RowState>> {
        pollster::block_on(self.blocking().states(logits, Goal::Probabilities(*probabilities), options))
    }

    /// [`cross_entropy`](Self::cross_entropy) from the states of its rows, whatever they were merged from; the gradient, if
    /// wanted, is that of the classes that the logits hold.
    ///
    /// # Errors
    /// As [`cross_entropy`](Self::cross_entropy), and [`Error::Length`] unless there is one state a row.
    pub fn cross_entropy_from_states(
        &self,
        logits: &Logits<'_>,
        targets: &Targets<'_>,
        states: &[RowState],
        options: &CrossEntropy<'_>,
    ) -> Result<CrossEntropyResult> {
        pollster::block_on(self.blocking().loss(logits, Goal::Indices(*targets), Some(states), options))
    }

    /// [`cross_entropy_from_states`](Self::cross_entropy_from_states) for targets that are probabilities.
    ///
    /// # Errors
    /// As [`cross_entropy_from_states`](Self::cross_entropy_from_states).
    pub fn soft_cross_entropy_from_states(
        &self,
        logits: &Logits<'_>,
        probabilities: &Logits<'_>,
        states: &[RowState],
        options: &CrossEntropy<'_>,
    ) -> Result<CrossEntropyResult> {
        pollster::block_on(self.blocking().loss(logits, Goal::Probabilities(*probabilities), Some(states), options))
    }

    async fn states(&self, logits: &Logits<'_>, goal: Goal<'_>, options: &CrossEntropy<'_>) -> Result<Vec<RowState>> {
        let options = options.only_states();
        let mut job = job(logits, goal, &options)?;
        job.states_out = true;
        Ok(run(self, &job).await?.states)
    }

    async fn loss<G: Element>(
        &self,
        logits: &Logits<'_>,
        goal: Goal<'_>,
        states: Option<&[RowState]>,
        options: &CrossEntropy<'_>,
    ) -> Result<CrossEntropyResult<f32, G>> {
        self.loss_into(logits, goal, states, options, None).await
    }

    async fn loss_into<G: Element>(
        &self,
        logits: &Logits<'_>,
        goal: Goal<'_>,
        states: Option<&[RowState]>,
        options: &CrossEntropy<'_>,
        gradient: Option<&mut [G]>,
    ) -> Result<CrossEntropyResult<f32, G>> {
        let mut job = job(logits, goal, options)?;
        job.elements.storage = G::STORAGE;
        if let Some(states) = states {
            check_len("states", states.len(), logits.rows())?;
            if let Some(what) = states.iter().find_map(|state| state.lacks(options, matches!(goal, Goal::Probabilities(_)))) {
                return Err(Error::Options(format!("the states do not hold {what}: make them with the options of this call")));
            }
            job.states_in = Some(states);
        } else if options.piece.is_some() {
            return Err(Error::Options("the loss of a piece of a vocabulary needs the states of all pieces".into()));
        }
        job.output(RowOutput::Loss, options.wants_row_loss());
        job.output(RowOutput::Status, false);
        for (output, wanted) in row_outputs(&options.outputs) {
            if wanted {
                job.output(output, true);
            }
        }
        if wants_rank(options) {
            job.output(RowOutput::Rank, options.outputs.rank);
        }
        job.elements.result = options.outputs.gradient || options.outputs.target_gradient;
        job.elements.target_result = options.outputs.target_gradient;
        job.states_out = options.outputs.states;
        job.reduction = Some(options.reduction);
        let placed = gradient.is_some();
        let done = run_into(self, &job, gradient.map(bytemuck::cast_slice_mut)).await?;
        let mut result = result(done, logits.rows(), goal, options)?;
        result.gradient = result.gradient.filter(|_| !placed);
        Ok(result)
    }
}

/// The job, without its results.
fn job<'a>(logits: &Logits<'a>, goal: Goal<'a>, options: &CrossEntropy<'a>) -> Result<Job<'a>> {
    let soft = matches!(goal, Goal::Probabilities(_));
    options.check(logits.rows(), logits.classes(), soft)?;
    let vocabulary = options.vocabulary(logits.classes());
    let mut job = Job::new(&CROSS_ENTROPY_KERNEL, logits);
    job.transform(&options.transform);
    match goal {
        Goal::Indices(targets) => {
            job.row_input(RowInput::Targets, targets.encode(logits.rows(), vocabulary, options.ignore_index)?);
        }
        Goal::Probabilities(probabilities) => {
            logits.check_same_shape("probabilities", &probabilities)?;
            job.second = Some(probabilities);
        }
    }
    set_params(&mut job.params, options, vocabulary as u64, (!soft).then_some(IGNORED));
    set_features(&mut job.features, options, soft);
    set_coefficients(&mut job, options);
    Ok(job)
}

fn result<G: Element>(mut done: Done, rows: usize, goal: Goal<'_>, options: &CrossEntropy<'_>) -> Result<CrossEntropyResult<f32, G>> {
    let summary = summary_of(&done, rows, options);
    let faults = checked(summary.faults(is_empty_fault(options, summary.denominator)), options)?;
    let outputs = &options.outputs;
    let hard = matches!(goal, Goal::Indices(_));
    let row_z_loss = outputs.z_loss.then(|| done.floats(RowOutput::ZLoss));
    let z_loss = row_z_loss.as_ref().filter(|_| options.reduction != Reduction::None).map(|rows| {
        let sum: f64 = rows.iter().map(|&part| f64::from(part)).sum();
        let empty = options.empty_mean == EmptyMean::Zero && summary.denominator == 0.0;
        match options.reduction {
            Reduction::Mean if empty => 0.0,
            Reduction::Mean if summary.denominator == 0.0 => f32::NAN,
            Reduction::Mean => (sum / f64::from(summary.denominator)) as f32,
            _ => sum as f32,
        }
    });
    Ok(CrossEntropyResult {
        loss: (options.reduction != Reduction::None).then_some(summary.loss),
        row_loss: options.wants_row_loss().then(|| done.floats(RowOutput::Loss)),
        logsumexp: outputs.logsumexp.then(|| done.floats(RowOutput::Logsumexp)),
        log_prob: outputs.log_prob.then(|| done.floats(RowOutput::LogProb)),
        argmax: outputs.argmax.then(|| done.words(RowOutput::Argmax)),
        rank: outputs.rank.then(|| done.words(RowOutput::Rank)),
        entropy: outputs.entropy.then(|| done.floats(RowOutput::Entropy)),
        row_z_loss,
        z_loss,
        gradient: outputs.gradient.then(|| done.elements.take()),
        target_gradient: outputs.target_gradient.then(|| done.target_elements.take()),
        states: outputs.states.then_some(done.states),
        valid_rows: summary.valid as usize,
        denominator: summary.denominator,
        correct: (hard && outputs.argmax).then_some(summary.correct as usize),
        correct_top_k: options.top_k.map(|_| summary.correct_top_k as usize),
        faults,
    })
}
