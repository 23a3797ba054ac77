//! The arrays that a command writes, all of them complete or none.

use crate::arrays::Writer;
use crate::failure::{Failure, Result};

/// An array to write, if it was asked for.
#[derive(Debug)]
pub(crate) struct Output(Option<Writer>);

impl Output {
    pub(crate) fn create(spec: Option<&str>, shape: &[usize]) -> Result<Self> {
        Ok(Self(spec.map(|spec| Writer::create(spec, shape)).transpose()?))
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Appends elements; does nothing if the array was not asked for.
    pub(crate) fn write(&mut self, values: &[f32]) -> Result<()> {
        match &mut self.0 {
            Some(writer) => Ok(writer.write(values)?),
            None => Ok(()),
        }
    }
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
pub(crate) fn finish<const N: usize>(outputs: [Output; N]) -> Result<()> {
    outputs.into_iter().filter_map(|output| output.0).try_for_each(Writer::finish)?;
    Ok(())
}
