//! What happens to logits first, in the variants that operations are tried with.

use wgpu_xent::LogitTransform;

use crate::bounds::ROUNDING;
use crate::case::Input;
use crate::data::Random;
use crate::loss::Mask;
use crate::matrix::Matrix;

/// A transform that owns what it borrows.
#[derive(Clone, Debug)]
pub(super) struct Moved {
    rows: usize,
    classes: usize,
    scales: Option<Vec<f32>>,
    temperature: Option<f32>,
    softcap: Option<f32>,
    mask: Option<Mask>,
}

impl Moved {
    /// None.
    pub(super) fn identity(input: &Input) -> Self {
        Self { rows: input.rows(), classes: input.shape.classes, scales: None, temperature: None, softcap: None, mask: None }
    }

    /// A temperature for all rows.
    pub(super) fn temperature(input: &Input) -> Self {
        Self { temperature: Some(1.4 / input.widest_scale().max(1.0)), ..Self::identity(input) }
    }

    /// A factor for each row, of either sign; powers of two, so that no order of classes depends on rounding.
    pub(super) fn scales(input: &Input) -> Self {
        let scales = (0..input.rows()).map(|row| [1.0, -0.5, input.widest_scale(), 0.25][row % 4]);
        Self { scales: Some(scales.collect()), ..Self::identity(input) }
    }

    /// A mask that all rows share: two of three classes, the first among them.
    pub(super) fn masked(input: &Input) -> Self {
        let allowed: Vec<bool> = (0..input.shape.classes).map(|class| class % 3 != 1).collect();
        Self { mask: Some(Mask::new(&allowed, input.shape.classes, false)), ..Self::identity(input) }
    }

    /// A softcap, a temperature, and a mask of each row's own; one row has no class left.
    pub(super) fn capped(input: &Input) -> Self {
        Self { softcap: Some(15.0), temperature: Some(0.5), mask: Some(mask_of_rows(input)), ..Self::identity(input) }
    }

    pub(super) fn transform(&self) -> LogitTransform<'_> {
        let mask = self.mask.as_ref().map(|mask| mask.view(self.rows, self.classes));
        let transform = LogitTransform::new().softcap(self.softcap).mask(mask);
        match (&self.scales, self.temperature) {
            (Some(scales), _) => transform.scale(scales),
            (None, Some(temperature)) => transform.temperature(temperature),
            (None, None) => transform,
        }
    }

    pub(super) fn is_identity(&self) -> bool {
        self.scales.is_none() && self.temperature.is_none() && self.softcap.is_none() && self.mask.is_none()
    }

    fn moves(&self) -> bool {
        self.scales.is_some() || self.temperature.is_some() || self.softcap.is_some()
    }
}

/// Three of four classes of each row, and none of the last row but one.
pub(super) fn mask_of_rows(input: &Input) -> Mask {
    let (rows, classes) = (input.rows(), input.shape.classes);
    let mut random = Random::new(input.seed() + 2);
    let allowed: Vec<bool> = (0..rows * classes).map(|i| random.below(4) != 0 && (rows < 3 || i / classes != rows - 2)).collect();
    Mask::new(&allowed, classes, true)
}

/// What a transformed logit may be off by, of each row; 0 without a transform.
pub(super) struct Rounding(Vec<f64>);

impl Rounding {
    pub(super) fn new(logits: &Matrix, moved: &Moved) -> Self {
        let view = logits.view();
        if !moved.moves() {
            return Self(vec![0.0; view.rows()]);
        }
        let transform = moved.transform();
        let largest = |row: usize| {
            let scale = f64::from(transform.scale_of(row)).abs();
            let size = |x: f64| moved.softcap.map_or(scale * x.abs(), |cap| (scale * x.abs()).min(cap.into()));
            view.row(row).map(size).filter(|z| z.is_finite()).fold(0.0, f64::max)
        };
        Self((0..view.rows()).map(|row| ROUNDING * largest(row)).collect())
    }

    pub(super) fn of(&self, row: usize) -> f64 {
        self.0[row]
    }
}
