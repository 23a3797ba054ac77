//! PyTorch on the CPU, in a child process that runs one call when it is told to: `torch_peer.py`.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;

use serde_json::Value;

use crate::data::Data;
use crate::peer::{Op, Ran, Variant};

/// The script, which answers each line with a line.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/torch_peer.py");

/// A Python with torch that waits for work.
pub(crate) struct Torch {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    folder: PathBuf,
    /// Its version.
    pub(crate) version: String,
}

impl Torch {
    /// Starts it: `XENT_PYTHON`, or `python3`. Says why not if torch cannot be imported.
    pub(crate) fn start(threads: usize) -> Result<Self, String> {
        let python = std::env::var("XENT_PYTHON").unwrap_or_else(|_| "python3".into());
        let found = Command::new(&python).args(["-c", "import torch"]).stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            return Err("the interpreter (XENT_PYTHON, or python3) cannot import torch".into());
        }
        let arguments = [SCRIPT, "--serve", "--threads", &threads.to_string()].map(String::from);
        let mut child =
            Command::new(&python).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|e| e.to_string())?;
        let (to, from) = (child.stdin.take().expect("it is piped"), child.stdout.take().expect("it is piped"));
        let folder = std::env::temp_dir().join(format!("xent-peers-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        let mut torch = Self { child, to, from: BufReader::new(from), folder, version: String::new() };
        let hello = torch.answer()?;
        hello["version"].as_str().unwrap_or("unknown").clone_into(&mut torch.version);
        Ok(torch)
    }

    fn answer(&mut self) -> Result<Value, String> {
        let mut line = String::new();
        self.from.read_line(&mut line).map_err(|e| e.to_string())?;
        let value: Value = serde_json::from_str(&line).map_err(|_| format!("torch ended, its last word: {line:?}"))?;
        match value["error"].as_str() {
            Some(problem) => Err(problem.into()),
            None => Ok(value),
        }
    }

    fn ask(&mut self, line: &str) -> Result<Value, String> {
        writeln!(self.to, "{line}").and_then(|()| self.to.flush()).map_err(|e| e.to_string())?;
        self.answer()
    }

    fn run(&mut self, index: usize, fetch: bool) -> Result<Ran, String> {
        let file = self.folder.join("result");
        let answer = self.ask(&format!("run {index} {}", if fetch { file.display().to_string() } else { "-".into() }))?;
        let fetched = fetch && answer["elements"].as_bool() == Some(true);
        let elements = fetched.then(|| read_floats(&file)).transpose()?;
        Ok(Ran { ms: answer["ms"].as_f64().ok_or("a time was expected")?, loss: answer["loss"].as_f64(), elements })
    }
}

impl Drop for Torch {
    fn drop(&mut self) {
        let _ = writeln!(self.to, "quit");
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Everything that the script measures, on this data.
pub(crate) fn variants(torch: &Rc<RefCell<Torch>>, data: &Data) -> Result<Vec<Variant<'static>>, String> {
    let mut own = torch.borrow_mut();
    let file = own.folder.join("logits");
    std::fs::write(&file, bytemuck::cast_slice::<f32, u8>(&data.values)).map_err(|e| e.to_string())?;
    std::fs::write(own.folder.join("targets"), bytemuck::cast_slice::<u32, u8>(&data.targets)).map_err(|e| e.to_string())?;
    let folder = own.folder.display().to_string();
    let answer = own.ask(&format!("shape {} {} {folder}", data.rows, data.classes))?;
    let peer = format!("torch {}", own.version);
    let listed = answer["variants"].as_array().ok_or("a list of variants was expected")?;
    let variant = |(index, listed): (usize, &Value)| {
        let op = Op::of(listed["op"].as_str()?)?;
        let torch = Rc::clone(torch);
        let run = move |fetch| torch.borrow_mut().run(index, fetch).unwrap_or_else(|problem| panic!("{problem}"));
        Some(Variant::new(&peer, op, listed["plan"].as_str()?, run))
    };
    Ok(listed.iter().enumerate().filter_map(variant).collect())
}

fn read_floats(file: &Path) -> Result<Vec<f32>, String> {
    let bytes = std::fs::read(file).map_err(|e| e.to_string())?;
    Ok(bytemuck::pod_collect_to_vec(&bytes))
}
