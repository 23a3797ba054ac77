//! The most probable classes at host level, and the passes that they take.

use crate::gpu::Gpu;
use crate::host::run;
use crate::job::Job;
use crate::launch::{Params, Pass};
use crate::sampling::check_k;
use crate::shader::{LOGSUMEXP_KERNEL, TOP_K_KERNEL};
use crate::words::RowOutput;
use crate::{LogitTransform, Logits, Result, TopK};

/// Classes that a pass lists: `stats_top.wgsl`.
const LISTED: u32 = 4;

/// What the passes leave for each other.
pub(crate) const PLANES: [RowOutput; 4] = [RowOutput::Peak, RowOutput::LogSum, RowOutput::Threshold, RowOutput::Argmax];

/// What runs before the last pass, which `params` are for when this returns; `k` is at least 1.
pub(crate) fn passes(params: &mut Params, k: u32) -> Vec<Pass> {
    params.top_k = k;
    let mut passes: Vec<Pass> = vec![(&LOGSUMEXP_KERNEL, *params)];
    let mut starts: Vec<u32> = (0..k).step_by(LISTED as usize).collect();
    params.listed = starts.pop().unwrap_or(0);
    for listed in starts {
        passes.push((&TOP_K_KERNEL, Params { listed, ..*params }));
    }
    passes
}

impl Gpu {
    /// The `k` most probable classes of each row, the most probable first, of equally probable ones the first, and their
    /// log-probabilities in nats.
    ///
    /// **Shapes.** Result: `rows * k` of each, row after row.
    /// **Cost.** A pass over the logits for every four classes, and one more.
    /// **Edge cases.** Only classes that take part are listed, those of -inf last. Where fewer than `k` take part,
    /// [`NO_CLASS`](crate::NO_CLASS) and -inf fill it up. Rows that hold NaN have `NO_CLASS` and NaN throughout; in rows that hold +inf,
    /// or nothing above -inf, the log-probabilities of the listed classes are NaN.
    /// **Accuracy.** As [`log_softmax`](Self::log_softmax); relative error below 1e-6 for the most probable class.
    ///
    /// # Errors
    /// [`Error::Options`](crate::Error::Options) for a `k` above the number of classes, and those of [`softmax_with`](Self::softmax_with).
    ///
    /// ```no_run
    /// # use wgpu_xent::{Gpu, LogitTransform, Logits};
    /// let gpu = Gpu::new()?;
    /// let top = gpu.top_k_log_probs(&Logits::new(&[0.0_f32, 3.0, 1.0], 1, 3)?, 2, &LogitTransform::new())?;
    /// assert_eq!(top.classes, [1, 2]);
    /// # Ok::<(), wgpu_xent::Error>(())
    /// ```
    pub fn top_k_log_probs(&self, logits: &Logits<'_>, k: u32, transform: &LogitTransform<'_>) -> Result<TopK> {
        pollster::block_on(self.blocking().top_k_log_probs_async(logits, k, transform))
    }

    /// [`top_k_log_probs`](Self::top_k_log_probs), awaited.
    ///
    /// # Errors
    /// As [`top_k_log_probs`](Self::top_k_log_probs).
    pub async fn top_k_log_probs_async(&self, logits: &Logits<'_>, k: u32, transform: &LogitTransform<'_>) -> Result<TopK> {
        transform.check(logits.rows(), logits.classes())?;
        check_k(k, logits.classes())?;
        if k == 0 {
            return Ok(TopK::default());
        }
        let mut job = Job::new(&TOP_K_KERNEL, logits);
        job.transform(transform);
        job.before = passes(&mut job.params, k);
        job.lists = Some(k);
        PLANES.into_iter().for_each(|plane| job.output(plane, false));
        let done = run(self, &job).await?;
        Ok(TopK { classes: done.list_classes, log_probs: done.list_log_probs })
    }
}
