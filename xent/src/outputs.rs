//! The arrays that a command writes, all of them complete or none.

use std::ops::Range;

use wgpu_xent::{NO_CLASS, Storage};

use crate::arrays::Writer;
use crate::failure::{Failure, Result};
use crate::form::Form;

/// An array to write, if it was asked for.
#[derive(Debug)]
pub(crate) struct Output(Option<Writer>);

impl Output {
    /// One of float32.
    pub(crate) fn create(spec: Option<&str>, shape: &[usize]) -> Result<Self> {
        Ok(Self(spec.map(|spec| Writer::create(spec, shape)).transpose()?))
    }

    pub(crate) fn create_as(spec: Option<&str>, shape: &[usize], storage: Storage) -> Result<Self> {
        Ok(Self(spec.map(|spec| Writer::create_floats(spec, shape, storage)).transpose()?))
    }

    /// The same for classes, as int64.
    pub(crate) fn create_classes(spec: Option<&str>, shape: &[usize]) -> Result<Self> {
        Ok(Self(spec.map(|spec| Writer::create_i64(spec, shape)).transpose()?))
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Appends elements; does nothing if the array was not asked for.
    pub(crate) fn write(&mut self, values: &[f32]) -> Result<()> {
        self.0.as_mut().map_or(Ok(()), |writer| Ok(writer.write(values)?))
    }

    /// Appends classes or ranks, -1 for none.
    pub(crate) fn write_classes(&mut self, classes: &[u32]) -> Result<()> {
        self.0.as_mut().map_or(Ok(()), |writer| Ok(writer.write_i64(&as_indices(classes))?))
    }

    /// Writes the elements of some rows to their places.
    pub(crate) fn write_rows(&mut self, form: &Form, rows: &Range<usize>, values: &[f32]) -> Result<()> {
        self.in_runs(form, rows, values, |writer, values| Ok(writer.write(values)?))
    }

    /// Writes the classes of some rows to their places, -1 for none.
    pub(crate) fn write_classes_of(&mut self, form: &Form, rows: &Range<usize>, classes: &[u32]) -> Result<()> {
        self.in_runs(form, rows, &as_indices(classes), |writer, values| Ok(writer.write_i64(values)?))
    }

    fn in_runs<T>(
        &mut self,
        form: &Form,
        rows: &Range<usize>,
        values: &[T],
        write: impl Fn(&mut Writer, &[T]) -> Result<()>,
    ) -> Result<()> {
        let Some(writer) = &mut self.0 else { return Ok(()) };
        let mut rest = values;
        for run in form.runs(rows) {
            let (values, others) = rest.split_at(run.len());
            writer.seek(run.start)?;
            write(writer, values)?;
            rest = others;
        }
        Ok(())
    }
}

fn as_indices(classes: &[u32]) -> Vec<i64> {
    classes.iter().map(|&class| if class == NO_CLASS { -1 } else { class.into() }).collect()
}

/// Refuses two outputs to one file, of which only the last would remain.
pub(crate) fn check_distinct(outputs: &[&Output]) -> Result<()> {
    let writers: Vec<&Writer> = outputs.iter().filter_map(|output| output.0.as_ref()).collect();
    for (i, writer) in writers.iter().enumerate() {
        if writers[..i].iter().any(|other| other.target() == writer.target()) {
            return Err(Failure::input(format!("{}: two outputs to one file", writer.target().display())));
        }
    }
    Ok(())
}

/// Puts all files in place.
pub(crate) fn finish(outputs: impl IntoIterator<Item = Output>) -> Result<()> {
    outputs.into_iter().filter_map(|output| output.0).try_for_each(Writer::finish)?;
    Ok(())
}
