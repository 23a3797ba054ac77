//! Log-sum-exp with factors of either sign, and over several dimensions, at host level.

use crate::factor::check_len;
use crate::gpu::Gpu;
use crate::host::run;
use crate::job::Job;
use crate::shader::{SIGNED_LOGSUMEXP_BACKWARD_KERNEL, SIGNED_LOGSUMEXP_KERNEL};
use crate::words::{RowInput, RowOutput};
use crate::{Error, LogitTransform, Logits, Result};

impl Gpu {
    /// `log |Σ_c b_c exp(z_c)|` of each row and the sign of the sum: 1, -1, or 0 where the sum is 0 and its logarithm -inf.
    ///
    /// **Shapes.** `b`: that of the logits. Results: one value a row, the logits' shape without the classes.
    /// **Edge cases.** A term with `b = 0` contributes 0 whatever its logit holds. NaN in another makes both results NaN, and so does
    /// +inf with both signs; with one sign the result is +inf of that sign.
    /// **Accuracy.** The sum has an error below 1e-6 of `Σ |b_c| exp(z_c)`: where terms of both signs cancel, little of it is left.
    /// Terms more than 87 below the largest logit that has a factor count as 0, however large their factors.
    /// **Range.** With `m` the largest logit that has a factor, sums `Σ b_c exp(z_c - m)` below 1.2e-38 count as 0; above 3.4e38, both
    /// results are NaN.
    ///
    /// # Errors
    /// [`Error::Length`] if the shapes differ, and those of [`softmax_with`](Self::softmax_with).
    pub fn signed_logsumexp(&self, logits: &Logits<'_>, b: &Logits<'_>, transform: &LogitTransform<'_>) -> Result<(Vec<f32>, Vec<f32>)> {
        pollster::block_on(self.blocking().signed_logsumexp_async(logits, b, transform))
    }

    /// [`signed_logsumexp`](Self::signed_logsumexp), awaited.
    ///
    /// # Errors
    /// As [`signed_logsumexp`](Self::signed_logsumexp).
    pub async fn signed_logsumexp_async(
        &self,
        logits: &Logits<'_>,
        b: &Logits<'_>,
        transform: &LogitTransform<'_>,
    ) -> Result<(Vec<f32>, Vec<f32>)> {
        logits.check_same_shape("b", b)?;
        transform.check(logits.rows(), logits.classes())?;
        let mut job = Job::new(&SIGNED_LOGSUMEXP_KERNEL, logits).second(b);
        job.transform(transform);
        job.output(RowOutput::Logsumexp, true);
        job.output(RowOutput::Sign, true);
        let mut done = run(self, &job).await?;
        Ok((done.floats(RowOutput::Logsumexp), done.floats(RowOutput::Sign)))
    }

    /// The gradient of [`signed_logsumexp`](Self::signed_logsumexp) with respect to the logits before the transform:
    /// `g sign b_c exp(z_c - lse) dz/dx`, from its results and a factor `g` for each row.
    ///
    /// **Edge cases.** Exactly 0 where `b = 0` and for classes that do not take part. Where the log-sum-exp is +inf: NaN at the +inf
    /// logits, 0 elsewhere. Where it is -inf or NaN: NaN.
    /// **Accuracy.** As [`logsumexp_backward`](Self::logsumexp_backward).
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one value a row, and those of [`signed_logsumexp`](Self::signed_logsumexp).
    pub fn signed_logsumexp_backward(
        &self,
        logits: &Logits<'_>,
        b: &Logits<'_>,
        logsumexp: &[f32],
        sign: &[f32],
        upstream: &[f32],
        transform: &LogitTransform<'_>,
    ) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().signed_logsumexp_backward_async(logits, b, logsumexp, sign, upstream, transform))
    }

    /// [`signed_logsumexp_backward`](Self::signed_logsumexp_backward), awaited.
    ///
    /// # Errors
    /// As [`signed_logsumexp_backward`](Self::signed_logsumexp_backward).
    pub async fn signed_logsumexp_backward_async(
        &self,
        logits: &Logits<'_>,
        b: &Logits<'_>,
        logsumexp: &[f32],
        sign: &[f32],
        upstream: &[f32],
        transform: &LogitTransform<'_>,
    ) -> Result<Vec<f32>> {
        logits.check_same_shape("b", b)?;
        transform.check(logits.rows(), logits.classes())?;
        let mut job = Job::new(&SIGNED_LOGSUMEXP_BACKWARD_KERNEL, logits).elements::<f32>().second(b);
        job.transform(transform);
        let inputs =
            [(RowInput::Saved, "logsumexp", logsumexp), (RowInput::SavedSign, "sign", sign), (RowInput::Upstream, "upstream", upstream)];
        for (input, what, values) in inputs {
            check_len(what, values.len(), logits.rows())?;
            job.row_floats(input, values);
        }
        Ok(run(self, &job).await?.elements.take())
    }

    /// Log-sum-exp over several dimensions of a dense array of any shape: as many values as the other dimensions have indices, in their
    /// order. `dims` is a set: its order does not matter, and negative dimensions count from the end.
    ///
    /// Dimensions that are neighbours are summed at once, others one group after the other.
    ///
    /// **Edge cases, accuracy.** As [`logsumexp`](Self::logsumexp), for each group. **Limit.** What is summed over, with all behind
    /// it, must fit the adapter's binding (128 MiB on lavapipe, 2 GiB on most GPUs).
    ///
    /// # Errors
    /// [`Error::Length`] if the length is not the shape's, [`Error::Dimension`] if there is no such dimension, [`Error::Options`] if one is
    /// named twice or none is, [`Error::NoClasses`] for results that are sums of nothing, and those of [`softmax`](Self::softmax).
    ///
    /// ```no_run
    /// # use wgpu_xent::Gpu;
    /// let gpu = Gpu::new()?;
    /// let total = gpu.logsumexp_over(&[0.0; 24], &[2, 3, 4], &[0, -1])?;
    /// assert_eq!(total.len(), 3);
    /// # Ok::<(), wgpu_xent::Error>(())
    /// ```
    pub fn logsumexp_over(&self, data: &[f32], shape: &[usize], dims: &[isize]) -> Result<Vec<f32>> {
        pollster::block_on(self.blocking().logsumexp_over_async(data, shape, dims))
    }

    /// [`logsumexp_over`](Self::logsumexp_over), awaited.
    ///
    /// # Errors
    /// As [`logsumexp_over`](Self::logsumexp_over).
    pub async fn logsumexp_over_async(&self, data: &[f32], shape: &[usize], dims: &[isize]) -> Result<Vec<f32>> {
        check_len("data", data.len(), product(shape))?;
        let summed = summed(shape.len(), dims)?;
        let mut values = data.to_vec();
        let mut left = shape.to_vec();
        // From the last dimension on, so that those in front keep their numbers.
        let mut end = left.len();
        while let Some(last) = (0..end).rev().find(|&dim| summed[dim]) {
            let first = (0..last).rev().find(|&dim| !summed[dim]).map_or(0, |dim| dim + 1);
            let (outer, classes, inner) = (product(&left[..first]), product(&left[first..=last]), product(&left[last + 1..]));
            values = self.logsumexp_async(&Logits::with_blocks(&values, outer, classes, inner, classes.saturating_mul(inner))?).await?;
            left.drain(first..=last);
            end = first;
        }
        Ok(values)
    }
}

fn product(sizes: &[usize]) -> usize {
    sizes.iter().fold(1, |product, &size| product.saturating_mul(size))
}

/// Which dimensions are summed over.
fn summed(dimensions: usize, dims: &[isize]) -> Result<Vec<bool>> {
    if dims.is_empty() {
        return Err(Error::Options("no dimension is named to sum over".into()));
    }
    let mut summed = vec![false; dimensions];
    for &dim in dims {
        let at = if dim < 0 { dimensions.checked_sub(dim.unsigned_abs()) } else { Some(dim.unsigned_abs()) };
        let at = at.filter(|&at| at < dimensions).ok_or(Error::Dimension { dim, dims: dimensions })?;
        if std::mem::replace(&mut summed[at], true) {
            return Err(Error::Options(format!("dimension {dim} is named twice")));
        }
    }
    Ok(summed)
}
