//! Where results go: the terminal, and dated files for each adapter.

use std::path::{Path, PathBuf};
use std::process::Command;

use wgpu_xent::Gpu;

/// Lines for the terminal, kept for a file.
#[derive(Debug, Default)]
pub(crate) struct Report {
    text: String,
}

impl Report {
    /// Prints and keeps a line.
    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        println!("{}", line.as_ref().trim_end());
        self.text += line.as_ref().trim_end();
        self.text.push('\n');
    }

    /// Everything so far.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// Writes `benches/results/<adapter>/<date><suffix>`.
pub(crate) fn save(gpu: &Gpu, suffix: &str, text: &str) {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/results").join(slug(gpu));
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

/// What the numbers depend on besides the code.
pub(crate) fn environment(gpu: &Gpu) -> String {
    let changes =
        if output("git", &["status", "--porcelain", "--", "src", "shaders", "benches/*.*"]).is_empty() { "" } else { " with changes" };
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|l| l.strip_prefix("model name")).map_or("unknown", |l| l.trim_start_matches([' ', '\t', ':']));
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "date      {}\nrustc     {}\ncommit    {}{changes}\ncpu       {model}, {} cores\nload      {}\nadapter   {}\ncaps      {:?}\n",
        date(),
        output("rustc", &["--version"]),
        output("git", &["rev-parse", "--short", "HEAD"]),
        std::thread::available_parallelism().map_or(0, usize::from),
        load.split(' ').next().unwrap_or("unknown"),
        gpu.describe(),
        gpu.caps(),
    )
}

/// Today, `YYYY-MM-DD`.
fn date() -> String {
    output("date", &["+%F"])
}

/// What a program prints, in the repository.
fn output(program: &str, arguments: &[&str]) -> String {
    let run = Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    run.map_or_else(|_| "unknown".into(), |o| String::from_utf8_lossy(&o.stdout).trim().into())
}
