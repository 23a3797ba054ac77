//! Sampling at host level, and the passes that it takes.

use crate::gpu::Gpu;
use crate::host::run;
use crate::job::Job;
use crate::launch::{Params, Pass};
use crate::shader::{DRAW_KERNEL, MASS_TOTAL_KERNEL, NARROW_COUNT_KERNEL, NARROW_MASS_KERNEL, PEAK_KERNEL};
use crate::words::RowOutput;
use crate::{Logits, Result, Sampling};

/// The steps between keys, three bits at a time: `narrow.wgsl`.
const STEPS: [u32; 11] = [1 << 29, 1 << 26, 1 << 23, 1 << 20, 1 << 17, 1 << 14, 1 << 11, 1 << 8, 1 << 5, 1 << 2, 1];

/// The options that are numbers, as parameters, but for those of the transform.
pub(crate) fn set_params(params: &mut Params, sampling: &Sampling<'_>, classes: usize) {
    params.seed = [sampling.seed as u32, (sampling.seed >> 32) as u32];
    params.draw = sampling.draw;
    params.first_row = [sampling.first_row as u32, (sampling.first_row >> 32) as u32];
    // A filter that keeps everything is none.
    params.top_k = sampling.top_k.filter(|&k| (k as usize) < classes).unwrap_or(0);
    params.top_p = sampling.top_p.filter(|&p| p < 1.0).map_or(0, |p| (f64::from(p) * f64::from(1_u32 << 31)).ceil() as u32);
}

/// What runs before the draw, and what the passes leave for each other.
pub(crate) fn passes(params: &Params) -> (Vec<Pass>, &'static [RowOutput]) {
    let mut passes: Vec<Pass> = Vec::new();
    if params.top_k > 0 {
        for step in STEPS {
            passes.push((&NARROW_COUNT_KERNEL, Params { step, ..*params }));
        }
    }
    if params.top_p > 0 {
        passes.push((&PEAK_KERNEL, *params));
        passes.push((&MASS_TOTAL_KERNEL, *params));
        for step in STEPS {
            passes.push((&NARROW_MASS_KERNEL, Params { step, ..*params }));
        }
    }
    let planes: &[RowOutput] = match (params.top_k, params.top_p) {
        (0, 0) => &[RowOutput::Argmax],
        (_, 0) => &[RowOutput::Argmax, RowOutput::Threshold],
        _ => &[RowOutput::Argmax, RowOutput::Threshold, RowOutput::Peak, RowOutput::NeededLow, RowOutput::NeededHigh],
    };
    (passes, planes)
}

impl Gpu {
    /// Draws one class a row from the softmax of its transformed logits, by adding Gumbel noise and taking the largest.
    ///
    /// **Shapes.** Result: one class a row, the logits' shape without the classes.
    /// **Repeatable.** The same seed, draw and rows give the same classes on every adapter: see [`Sampling`].
    /// **Filters.** `top_k` first, then `top_p` of what is left; each is an exact search for the last class that is kept, for any
    /// number of classes. Classes with the same logit as that one are kept too. The probabilities that `top_p` adds up have a
    /// relative error below 2e-7 each.
    /// **Edge cases.** [`NO_CLASS`](crate::NO_CLASS) for rows that hold NaN or +inf, or nothing above -inf. Classes of -inf, and those that
    /// do not take part, are never drawn.
    ///
    /// # Errors
    /// [`Error::Value`](crate::Error::Value) or [`Error::Length`](crate::Error::Length) for wrong options, and those of
    /// [`softmax`](Self::softmax).
    ///
    /// ```no_run
    /// # use wgpu_xent::{Gpu, Logits, Sampling};
    /// let gpu = Gpu::new()?;
    /// let logits = [1.5_f32, 0.0, -2.0, 4.0, 0.0, 0.0];
    /// let classes = gpu.sample(&Logits::new(&logits, 2, 3)?, &Sampling::new(7).temperature(0.8).top_p(0.95))?;
    /// assert!(classes.iter().all(|&class| class < 3));
    /// # Ok::<(), wgpu_xent::Error>(())
    /// ```
    pub fn sample(&self, logits: &Logits<'_>, sampling: &Sampling<'_>) -> Result<Vec<u32>> {
        pollster::block_on(self.blocking().sample_async(logits, sampling))
    }

    /// [`sample`](Self::sample), awaited.
    ///
    /// # Errors
    /// As [`sample`](Self::sample).
    pub async fn sample_async(&self, logits: &Logits<'_>, sampling: &Sampling<'_>) -> Result<Vec<u32>> {
        sampling.check(logits.rows(), logits.classes())?;
        let mut job = Job::new(&DRAW_KERNEL, logits);
        job.transform(&sampling.transform);
        set_params(&mut job.params, sampling, logits.classes());
        let (before, planes) = passes(&job.params);
        job.before = before;
        planes.iter().for_each(|&plane| job.output(plane, plane == RowOutput::Argmax));
        Ok(run(self, &job).await?.words(RowOutput::Argmax))
    }
}
