//! The logistic function, and the losses that are sums over elements, at host level.

use crate::elementwise::{BinaryCrossEntropy, ElementLoss, ElementLossResult, ElementReduction, Weights};
use crate::gpu::Gpu;
use crate::host::run;
use crate::job::Job;
use crate::launch::Params;
use crate::options::Reduction;
use crate::shader::{
    BINARY_CROSS_ENTROPY_KERNEL, DISTRIBUTION_CROSS_ENTROPY_KERNEL, ENTROPY_KERNEL, KL_DIV_KERNEL, KL_DIV_LOG_KERNEL,
    SIGMOID_BACKWARD_KERNEL, SIGMOID_KERNEL, Writes,
};
use crate::words::{ClassInput, RowOutput};
use crate::{Error, Logits, Result};

/// The options as parameters, and how row sums become one number; the same at host and device level.
pub(crate) fn set_reduction(params: &mut Params, options: &ElementLoss, rows: usize, classes: usize) -> Result<Option<Reduction>> {
    options.check()?;
    let divisor = options.divisor(rows, classes);
    params.factor = (f64::from(options.upstream) / divisor) as f32;
    params.denominator = 4;
    params.given = divisor as f32;
    let reduction = match options.reduction {
        ElementReduction::None => None,
        ElementReduction::Sum => Some(Reduction::Sum),
        ElementReduction::Mean | ElementReduction::BatchMean => Some(Reduction::Mean),
    };
    params.mean = u32::from(reduction == Some(Reduction::Mean));
    Ok(reduction)
}

/// Entropy has no second input.
pub(crate) fn check_entropy(options: &ElementLoss) -> Result<()> {
    if options.target_gradient {
        return Err(Error::Options("entropy has no targets, and no gradient with respect to them".into()));
    }
    Ok(())
}

impl Gpu {
    /// The logistic function of each element: `1 / (1 + exp(-x))`.
    ///
    /// **Shapes.** Result: the shape of the input, dense. **Range.** 0 to 1; values below 1.3e-38 are 0.
    /// **Edge cases.** 0 at -inf, 1 at +inf, NaN at NaN. No rows give an empty result.
    /// **Accuracy.** Relative error below 1e-6 at both ends: no small value is a difference.
    ///
    /// # Errors
    /// As [`softmax`](Self::softmax).
    pub fn sigmoid(&self, x: &Logits<'_>) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().sigmoid_async(x))
    }

    /// [`sigmoid`](Self::sigmoid), awaited.
    ///
    /// # Errors
    /// As [`sigmoid`](Self::sigmoid).
    pub async fn sigmoid_async(&self, x: &Logits<'_>) -> Result<Vec<f32>> {
        Ok(run(self, &Job::new(&SIGMOID_KERNEL, x).elements::<f32>()).await?.elements.take())
    }

    /// The gradient of [`sigmoid`](Self::sigmoid) from its result `y` and the upstream gradient `u`, both of one shape: `u y (1 - y)`.
    ///
    /// **Edge cases.** NaN where `y` or `u` is, and where `u` is infinite and `y` 0 or 1. **Accuracy.** Relative error below 1e-6, of the
    /// rounded `y`: where that is 1, the gradient is 0.
    ///
    /// # Errors
    /// [`Error::Length`] if the shapes differ, and those of [`sigmoid`](Self::sigmoid).
    pub fn sigmoid_backward(&self, y: &Logits<'_>, upstream: &Logits<'_>) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().sigmoid_backward_async(y, upstream))
    }

    /// [`sigmoid_backward`](Self::sigmoid_backward), awaited.
    ///
    /// # Errors
    /// As [`sigmoid_backward`](Self::sigmoid_backward).
    pub async fn sigmoid_backward_async(&self, y: &Logits<'_>, upstream: &Logits<'_>) -> Result<Vec<f32>> {
        y.check_same_shape("upstream", upstream)?;
        Ok(run(self, &Job::new(&SIGMOID_BACKWARD_KERNEL, y).elements::<f32>().second(upstream)).await?.elements.take())
    }

    /// Binary cross-entropy of each element's logit `x` and target `y`, both of one shape, in nats:
    ///
    /// ```text
    /// loss = weight ((1 - y) x + (1 + (pos_weight - 1) y) (log1p(exp(-|x|)) + max(-x, 0)))
    ///      = weight ((1 - y) log(1 + exp(x)) + pos_weight y log(1 + exp(-x)))
    /// ```
    ///
    /// **Gradient.** `weight ((1 - y) σ(x) - pos_weight y σ(-x))`, times the upstream factor, over what the reduction divides by.
    /// **Shapes.** Elements and gradient: the logits' shape, dense. **Range.** Any finite or infinite logit; targets are not checked, 0
    /// to 1 is what makes sense.
    /// **Edge cases.** A term whose coefficient is 0 contributes 0: a logit of +inf has loss 0 against `y = 1` and +inf against less, and
    /// so -inf against 0 and more; the gradient is finite. A weight of 0 gives loss and gradient 0, whatever the logit. Otherwise NaN
    /// stays NaN.
    /// **Accuracy.** Elements: relative error below 1e-6 for `y` from 0 to 1. Gradient: below 1e-6 of the sum of its two absolute terms.
    /// Sums: below 1e-6 of the sum of the absolute elements.
    ///
    /// # Errors
    /// [`Error::Length`] if the shapes differ, [`Error::Value`] or [`Error::Options`] for wrong options, and those of
    /// [`softmax`](Self::softmax).
    ///
    /// ```no_run
    /// # use wgpu_xent::{BinaryCrossEntropy, ElementLoss, Gpu, Logits};
    /// let gpu = Gpu::new()?;
    /// let logits = Logits::new(&[0.0_f32, 0.0, 3.0, -3.0], 2, 2)?;
    /// let targets = Logits::new(&[0.0_f32, 1.0, 1.0, 0.0], 2, 2)?;
    /// let options = BinaryCrossEntropy::new().pos_weight(&[1.0, 2.0][..]).loss(ElementLoss::new().gradient(true));
    /// let out = gpu.binary_cross_entropy_with_logits(&logits, &targets, &options)?;
    /// println!("{:?} nats, gradient {:?}", out.loss, out.gradient);
    /// # Ok::<(), wgpu_xent::Error>(())
    /// ```
    pub fn binary_cross_entropy_with_logits(
        &self,
        logits: &Logits<'_>,
        targets: &Logits<'_>,
        options: &BinaryCrossEntropy<'_>,
    ) -> Result<ElementLossResult> {
        pollster::block_on(self.blocking().binary_cross_entropy_with_logits_async(logits, targets, options))
    }

    /// [`binary_cross_entropy_with_logits`](Self::binary_cross_entropy_with_logits), awaited.
    ///
    /// # Errors
    /// As [`binary_cross_entropy_with_logits`](Self::binary_cross_entropy_with_logits).
    pub async fn binary_cross_entropy_with_logits_async(
        &self,
        logits: &Logits<'_>,
        targets: &Logits<'_>,
        options: &BinaryCrossEntropy<'_>,
    ) -> Result<ElementLossResult> {
        options.check(logits)?;
        logits.check_same_shape("targets", targets)?;
        let mut job = Job::new(&BINARY_CROSS_ENTROPY_KERNEL, logits).second(targets);
        match options.weight {
            Some(Weights::Classes(weights)) => {
                job.features.weighted = true;
                job.class_input(ClassInput::Weights, Some(weights));
            }
            Some(Weights::Elements(weights)) => {
                job.features.element_weights = true;
                job.third = Some(weights);
            }
            None => {}
        }
        job.features.pos_weights = options.pos_weight.is_some();
        job.class_input(ClassInput::PosWeights, options.pos_weight);
        element_loss(self, job, &options.loss).await
    }

    /// Kullback-Leibler divergence of each element, from log-probabilities `x` to targets `q` of the same shape: `q (log q - x)`, in
    /// nats. With `log_target`, the targets are `log q`. [`ElementReduction::BatchMean`] is the mean of the rows' divergences.
    ///
    /// **Gradient.** With respect to the input `-q`; to the targets `log q + 1 - x`, or with `log_target` `q (log q + 1 - x)`.
    /// **Edge cases.** `q = 0` contributes 0 to everything, also against -inf; another `q` against -inf gives +inf, but for the first
    /// gradient. `q < 0` gives NaN, but for the first gradient. A `q` below 1.2e-38 counts as 0.
    /// **Accuracy.** Elements: error below 1e-6 of `q (|log q| + |x|)`; sums: below 1e-6 of the sum of these.
    ///
    /// # Errors
    /// [`Error::Length`] if the shapes differ, and those of [`softmax`](Self::softmax).
    pub fn kl_div(&self, input: &Logits<'_>, targets: &Logits<'_>, log_target: bool, options: &ElementLoss) -> Result<ElementLossResult> {
        pollster::block_on(self.blocking().kl_div_async(input, targets, log_target, options))
    }

    /// [`kl_div`](Self::kl_div), awaited.
    ///
    /// # Errors
    /// As [`kl_div`](Self::kl_div).
    pub async fn kl_div_async(
        &self,
        input: &Logits<'_>,
        targets: &Logits<'_>,
        log_target: bool,
        options: &ElementLoss,
    ) -> Result<ElementLossResult> {
        input.check_same_shape("targets", targets)?;
        let kernel = if log_target { &KL_DIV_LOG_KERNEL } else { &KL_DIV_KERNEL };
        element_loss(self, Job::new(kernel, input).second(targets), options).await
    }

    /// Entropy of each element of probabilities `p`: `-p log p`, in nats; the sum of a row is the entropy of its distribution, and
    /// [`ElementReduction::BatchMean`] the mean of these.
    ///
    /// **Gradient.** `-(log p + 1)`. **Edge cases.** `p = 0` contributes 0 and has gradient +inf, `p < 0` gives NaN. A `p` below 1.2e-38
    /// counts as 0. **Accuracy.** Elements: relative error below 1e-6, also near 1. Gradient: below 1e-6 of `|log p| + 1`. Sums: below
    /// 1e-6 of the sum of the absolute elements.
    ///
    /// # Errors
    /// [`Error::Options`] for a gradient with respect to targets, of which there are none, and those of [`softmax`](Self::softmax).
    pub fn entropy(&self, probabilities: &Logits<'_>, options: &ElementLoss) -> Result<ElementLossResult> {
        pollster::block_on(self.blocking().entropy_async(probabilities, options))
    }

    /// [`entropy`](Self::entropy), awaited.
    ///
    /// # Errors
    /// As [`entropy`](Self::entropy).
    pub async fn entropy_async(&self, probabilities: &Logits<'_>, options: &ElementLoss) -> Result<ElementLossResult> {
        check_entropy(options)?;
        element_loss(self, Job::new(&ENTROPY_KERNEL, probabilities), options).await
    }

    /// Cross-entropy of each element of a prediction `q` relative to `p`, both probabilities of one shape: `-p log q`, in nats; the sum of
    /// a row is that of its distributions, and [`ElementReduction::BatchMean`] the mean of these.
    ///
    /// **Gradient.** With respect to the prediction `-p / q`; the target gradient is that with respect to `p`, `-log q`.
    /// **Edge cases.** `p = 0` contributes 0, its first gradient is 0 whatever `q` is, and the second too where `q` is 0; another `p`
    /// against `q = 0` is infinite. `q < 0` gives NaN, but for the first gradient. Values below 1.2e-38 count as 0.
    /// **Accuracy.** Elements and gradients: relative error below 1e-6, also for `q` near 1. Sums: below 1e-6 of the sum of the absolute
    /// elements.
    ///
    /// # Errors
    /// [`Error::Length`] if the shapes differ, and those of [`softmax`](Self::softmax).
    pub fn distribution_cross_entropy(&self, p: &Logits<'_>, q: &Logits<'_>, options: &ElementLoss) -> Result<ElementLossResult> {
        pollster::block_on(self.blocking().distribution_cross_entropy_async(p, q, options))
    }

    /// [`distribution_cross_entropy`](Self::distribution_cross_entropy), awaited.
    ///
    /// # Errors
    /// As [`distribution_cross_entropy`](Self::distribution_cross_entropy).
    pub async fn distribution_cross_entropy_async(
        &self,
        p: &Logits<'_>,
        q: &Logits<'_>,
        options: &ElementLoss,
    ) -> Result<ElementLossResult> {
        p.check_same_shape("targets", q)?;
        element_loss(self, Job::new(&DISTRIBUTION_CROSS_ENTROPY_KERNEL, p).second(q), options).await
    }
}

/// Runs a job once for each matrix that is wanted; the sums come with the first.
async fn element_loss(gpu: &Gpu, mut job: Job<'_>, options: &ElementLoss) -> Result<ElementLossResult> {
    let (rows, classes) = (job.logits.rows(), job.logits.classes());
    let reduction = set_reduction(&mut job.params, options, rows, classes)?;
    let matrices =
        [(reduction.is_none(), Writes::Values), (options.gradient, Writes::Gradient), (options.target_gradient, Writes::TargetGradient)];
    let wanted: Vec<Writes> = matrices.into_iter().filter(|(wanted, _)| *wanted).map(|(_, writes)| writes).collect();
    let mut result = ElementLossResult::default();
    for pass in 0..wanted.len().max(1) {
        let mut job = job.clone();
        let writes = wanted.get(pass).copied();
        job.elements.result = writes.is_some();
        job.features.writes = writes.unwrap_or_default();
        if pass == 0 && (options.row_loss || reduction.is_some()) {
            job.output(RowOutput::Loss, options.row_loss);
            job.reduction = reduction;
        }
        let mut done = run(gpu, &job).await?;
        if pass == 0 {
            // Of no rows there is no summary.
            let loss = if rows == 0 { options.of_no_rows() } else { done.summary.loss };
            result.loss = reduction.map(|_| loss);
            result.row_loss = options.row_loss.then(|| done.floats(RowOutput::Loss));
        }
        match writes {
            Some(Writes::Values) => result.elements = Some(done.elements.take()),
            Some(Writes::Gradient) => result.gradient = Some(done.elements.take()),
            Some(Writes::TargetGradient) => result.target_gradient = Some(done.elements.take()),
            None => {}
        }
    }
    Ok(result)
}
