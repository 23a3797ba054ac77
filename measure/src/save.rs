//! Where results of the benches go: the terminal, and dated files for each adapter.

use wgpu_xent::Gpu;

use crate::environment::{date, repository};

/// Lines for the terminal, kept for a file.
#[derive(Debug, Default)]
pub struct Report {
    text: String,
}

impl Report {
    /// Prints and keeps a line.
    pub fn line(&mut self, line: impl AsRef<str>) {
        println!("{}", line.as_ref().trim_end());
        self.text += line.as_ref().trim_end();
        self.text.push('\n');
    }

    /// Everything so far.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Writes `benches/results/<adapter>/<date><suffix>`.
pub fn save(gpu: &Gpu, suffix: &str, text: &str) {
    let folder = repository().join("benches/results").join(slug(gpu));
    let name = format!("{}{suffix}", date());
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(folder.join(&name), text));
    match written {
        Ok(()) => println!("saved benches/results/{}/{name}", slug(gpu)),
        Err(problem) => eprintln!("benches/results/{}/{name}: {problem}", slug(gpu)),
    }
}

/// A folder's name for an adapter.
fn slug(gpu: &Gpu) -> String {
    let name = format!("{} {}", gpu.info().name, gpu.info().backend).to_lowercase();
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    words.collect::<Vec<_>>().join("-")
}
