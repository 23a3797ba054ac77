//! What happens to the logits first: scale, softcap, class mask.

use std::borrow::Cow;
use std::ops::Range;

use wgpu_xent::{ClassMask, LogitTransform, reference};

use crate::args::{self, NumberOrFile};
use crate::failure::Result;
use crate::form::Form;
use crate::mask::MaskFile;
use crate::rows::{RowValues, Window};

/// The transform that the command line asks for, its files open.
#[derive(Debug, Default)]
pub(crate) struct Transform {
    scale: Option<RowValues>,
    is_temperature: bool,
    softcap: Option<f32>,
    mask: Option<MaskFile>,
}

/// The transform of a window's rows.
#[derive(Debug)]
pub(crate) struct WindowTransform<'a> {
    scale: Option<Window<'a>>,
    is_temperature: bool,
    softcap: Option<f32>,
    /// The words, and whether all rows share them.
    mask: Option<(Cow<'a, [u32]>, bool)>,
    rows: usize,
    classes: usize,
}

impl Transform {
    pub(crate) fn open(args: &args::Transform, form: &Form) -> Result<Self> {
        let (what, scale) = match &args.temperature {
            Some(temperature) => ("temperature", Some(temperature)),
            None => ("scale", args.scale.as_ref()),
        };
        let scale = match scale {
            None => None,
            Some(NumberOrFile::Number(number)) => Some(RowValues::Scalar(*number)),
            Some(NumberOrFile::File(spec)) => Some(RowValues::open(spec, what, &[&form.leading()])?),
        };
        if let Some(scale) = &scale {
            check_scale(scale, args.temperature.is_some())?;
        }
        let mask = args.class_mask.as_deref().map(|spec| MaskFile::open(spec, form)).transpose()?;
        let transform = Self { scale, is_temperature: args.temperature.is_some(), softcap: args.softcap, mask };
        // Without rows, what remains to be checked is the softcap.
        reference::logsumexp_with(&form.no_rows()?, &transform.window(form, &(0..0))?.view()?)?;
        Ok(transform)
    }

    /// Whether there is anything that is not the same for all rows and classes.
    pub(crate) fn has_rows_or_classes(&self) -> bool {
        matches!(self.scale, Some(RowValues::Rows(_))) || self.mask.as_ref().is_some_and(MaskFile::is_shared)
    }

    pub(crate) fn window(&self, form: &Form, rows: &Range<usize>) -> Result<WindowTransform<'_>> {
        let shared = self.mask.as_ref().is_some_and(MaskFile::is_shared);
        Ok(WindowTransform {
            scale: self.scale.as_ref().map(|scale| scale.window(rows)).transpose()?,
            is_temperature: self.is_temperature,
            softcap: self.softcap,
            mask: self.mask.as_ref().map(|mask| mask.words(form, rows)).transpose()?.map(|words| (words, shared)),
            rows: rows.len(),
            classes: form.classes(),
        })
    }
}

/// The same conditions as the library's, before there are windows.
fn check_scale(scale: &RowValues, is_temperature: bool) -> Result<()> {
    if is_temperature {
        let is_good = |t: f32| t > 0.0 && t.is_finite() && (1.0 / t).is_finite();
        scale.check("temperature", "finite, above 0 and of finite reciprocal", is_good)
    } else {
        scale.check("scale", "finite", f32::is_finite)
    }
}

impl WindowTransform<'_> {
    pub(crate) fn view(&self) -> wgpu_xent::Result<LogitTransform<'_>> {
        let mut transform = LogitTransform::new().softcap(self.softcap);
        if let Some(scale) = &self.scale {
            transform = if self.is_temperature { transform.temperature(scale.factor()) } else { transform.scale(scale.factor()) };
        }
        match &self.mask {
            None => Ok(transform),
            Some((words, true)) => Ok(transform.mask(ClassMask::shared(words, self.classes)?)),
            Some((words, false)) => Ok(transform.mask(ClassMask::per_row(words, self.rows, self.classes)?)),
        }
    }
}
