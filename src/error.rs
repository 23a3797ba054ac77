//! Every way a call can fail, one variant per cause, each with its numbers.

/// What went wrong. Messages are lower-case, one line, and name the value that is at fault and the limit it broke.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A slice or buffer does not hold what its shape asks for.
    #[error("{what} holds {got} elements, but {expected} are needed")]
    Length {
        /// The argument.
        what: &'static str,
        /// How many elements the shape needs.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// Rows of zero classes: there is nothing to normalise over.
    #[error("{rows} rows of 0 classes: at least one class is needed")]
    NoClasses {
        /// The number of rows asked for.
        rows: usize,
    },
    /// There is no such dimension.
    #[error("dimension {dim} of an array of {dims} dimensions")]
    Dimension {
        /// The dimension asked for.
        dim: isize,
        /// The dimensions that there are.
        dims: usize,
    },
    /// The distance between rows is smaller than a row.
    #[error("the row stride of {what} is {stride}, less than its {classes} classes")]
    Stride {
        /// The argument.
        what: &'static str,
        /// The stride given, in elements.
        stride: usize,
        /// The classes of a row.
        classes: usize,
    },
    /// A target is neither a class nor `ignore_index`.
    #[error("target {target} of row {row} is not in 0..{classes}{}", ignore_text(.ignore_index))]
    Target {
        /// The first row at fault.
        row: usize,
        /// Its target.
        target: i64,
        /// The number of classes.
        classes: usize,
        /// The value that would have been ignored, if any.
        ignore_index: Option<i64>,
    },
    /// An option's value is out of its range.
    #[error("{what}{} is {value}, must be {must}", index_text(*.index))]
    Value {
        /// The option.
        what: &'static str,
        /// Which of its values, if it has several.
        index: Option<usize>,
        /// The value.
        value: f64,
        /// What it must be.
        must: &'static str,
    },
    /// Rows cannot have a loss, and the call was told to fail then ([`FaultPolicy::Fail`](crate::FaultPolicy::Fail)).
    #[error("{}", fault_text(*.kind, *.row, *.count))]
    Fault {
        /// The fault of the first row at fault.
        kind: crate::FaultKind,
        /// That row; none for an empty denominator.
        row: Option<usize>,
        /// The rows with this fault.
        count: usize,
    },
    /// `ignore_index` cannot be met by any value of the targets' type on the device (32-bit words).
    #[error("ignore_index {ignore_index} does not fit the 32-bit targets on the device")]
    IgnoreIndex {
        /// The value asked for.
        ignore_index: i64,
    },
    /// Something is larger than the adapter, or 32-bit indices, can address.
    #[error("{what} needs {needed} {unit}, more than the limit of {limit} ({limit_name})")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        needed: u64,
        /// The unit of `needed` and `limit`.
        unit: &'static str,
        /// The largest size that works.
        limit: u64,
        /// The name of the limit.
        limit_name: &'static str,
    },
    /// A buffer of the caller is too short, misaligned, or lacks a usage flag.
    #[error("buffer for {what}: {problem}")]
    Buffer {
        /// The argument.
        what: &'static str,
        /// What is wrong, with the numbers.
        problem: String,
    },
    /// Options that contradict each other.
    #[error("{0}")]
    Options(String),
    /// A forced strategy cannot serve this shape on this adapter.
    #[error("strategy {strategy} cannot run {rows} x {classes} here: {reason}")]
    Strategy {
        /// The strategy, as printed.
        strategy: String,
        /// Rows asked for.
        rows: u64,
        /// Classes asked for.
        classes: u64,
        /// Why not, with the numbers.
        reason: String,
    },
    /// A tuning cannot be read, or is not one of this adapter.
    #[error("tuning, line {line}: {problem}")]
    Tuning {
        /// The line of its text.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// There is no adapter at all.
    #[error("no GPU adapter found; on Debian or Ubuntu `apt-get install mesa-vulkan-drivers` brings a software one")]
    NoAdapter,
    /// There are adapters, but not the one asked for.
    #[error("no GPU adapter {asked} among {} found: {}", .found.len(), .found.join(", "))]
    AdapterNotFound {
        /// What was asked for, as text.
        asked: String,
        /// The adapters that there are, by name, in the order of their indices.
        found: Vec<String>,
    },
    /// The adapter refused to open a device.
    #[error("adapter \"{adapter}\" gave no device: {message}")]
    Device {
        /// The adapter's name.
        adapter: String,
        /// The driver's words.
        message: String,
    },
    /// The driver could not allocate, or the host has no room for the result. What the call had taken is freed.
    #[error("out of memory{}: {message}", bytes_text(*.bytes))]
    OutOfMemory {
        /// Bytes that could not be had, 0 if unknown.
        bytes: u64,
        /// The driver's words.
        message: String,
    },
    /// The device was lost or destroyed; open a new [`Gpu`](crate::Gpu).
    #[error("the GPU device was lost: {message}")]
    DeviceLost {
        /// The driver's words.
        message: String,
    },
    /// The GPU did not finish in time ([`Gpu::with_deadline`](crate::Gpu::with_deadline)).
    #[error("the GPU did not finish within {} s", .deadline.as_secs_f64())]
    Timeout {
        /// How long was waited.
        deadline: std::time::Duration,
    },
    /// The call was stopped by a [`Cancel`](crate::Cancel).
    #[error("the call was cancelled")]
    Cancelled,
    /// A shader was refused. Always a defect of this library or of a driver.
    #[error("shader {pipeline} was refused at {file}:{line}: {message}")]
    Shader {
        /// The pipeline's label.
        pipeline: String,
        /// The WGSL part in `shaders/`, if the message named a place.
        file: &'static str,
        /// The line in that file, 0 if unknown.
        line: usize,
        /// The compiler's words.
        message: String,
    },
    /// wgpu refused a command. Always a defect of this library or of a driver.
    #[error("the GPU refused a command: {message}")]
    Gpu {
        /// wgpu's words.
        message: String,
    },
}

fn ignore_text(ignore_index: &Option<i64>) -> String {
    ignore_index.map_or_else(String::new, |i| format!(" and is not ignore_index {i}"))
}

fn index_text(index: Option<usize>) -> String {
    index.map_or_else(String::new, |i| format!("[{i}]"))
}

fn fault_text(kind: crate::FaultKind, row: Option<usize>, count: usize) -> String {
    row.map_or_else(|| kind.to_string(), |row| format!("row {row} holds {kind}; rows with this fault: {count}"))
}

fn bytes_text(bytes: u64) -> String {
    if bytes == 0 { String::new() } else { format!(" ({bytes} bytes asked for)") }
}

/// The result of every fallible call.
pub type Result<T, E = Error> = std::result::Result<T, E>;
