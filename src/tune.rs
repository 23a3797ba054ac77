//! Measuring which plan is fastest on this very adapter, for those who want that instead of the table in `plan/strategy.rs`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Instant;

use crate::gpu::Gpu;
use crate::plan::{Plan, Strategy, Work};
use crate::views::Storage;
use crate::{CrossEntropy, CrossEntropyBuffers, DeviceMatrix, DeviceVector, Error, Output, Result};

/// The least samples of a candidate, and the milliseconds that they take together if one takes less.
const SAMPLES: usize = 5;
const MILLISECONDS: f64 = 100.0;

/// A candidate whose first sample takes so many times the best median is out.
const HOPELESS: f64 = 3.0;

/// The calls that a winner is for: those of about the same shape, rows and classes each within a factor of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Bucket {
    elements: bool,
    storage: Storage,
    log2_rows: u32,
    log2_classes: u32,
}

impl Bucket {
    fn of(work: &Work) -> Self {
        let log2 = |n: u64| n.max(1).ilog2();
        Self { elements: work.elements, storage: work.storage, log2_rows: log2(work.rows), log2_classes: log2(work.classes) }
    }
}

/// What won.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Winner {
    strategy: Strategy,
    texture: bool,
    milliseconds: f64,
    /// What the tables would have chosen took so long.
    untuned: f64,
}

/// The fastest strategies of one adapter and driver, measured by [`Gpu::tune`], used by [`Gpu::with_tuning`].
///
/// As text, to be kept in a file: a line that names the adapter, then one line a winner. [`Display`](fmt::Display) writes it,
/// [`FromStr`] reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuning {
    adapter: String,
    winners: BTreeMap<Bucket, Winner>,
}

impl Tuning {
    /// Adds the winners of another tuning of the same adapter, which replace those of the same shapes.
    ///
    /// # Errors
    /// [`Error::Tuning`] if it is of another adapter, driver or version.
    pub fn extend(&mut self, other: &Self) -> Result<()> {
        self.check(&other.adapter)?;
        self.winners.extend(&other.winners);
        Ok(())
    }

    fn check(&self, adapter: &str) -> Result<()> {
        if self.adapter == adapter {
            return Ok(());
        }
        Err(Error::Tuning { line: 1, problem: format!("it is of {}, not of {}", quoted(&self.adapter), quoted(adapter)) })
    }

    /// The strategy for some work, and whether it goes through a texture, if a shape like it was tuned.
    pub(crate) fn choice(&self, work: &Work) -> Option<(Strategy, bool)> {
        let winner = self.winners.get(&Bucket::of(work)).filter(|_| work.inner == 1)?;
        Some((winner.strategy, winner.texture))
    }
}

impl fmt::Display for Tuning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.adapter)?;
        for (b, w) in &self.winners {
            let (kind, from) = (if b.elements { "writes" } else { "reads" }, if w.texture { "texture" } else { "buffer" });
            let (rows, classes) = (1_u64 << b.log2_rows, 1_u64 << b.log2_classes);
            writeln!(f, "{kind} {} {rows} {classes} {} {from} {:.4} {:.4}", b.storage, w.strategy, w.milliseconds, w.untuned)?;
        }
        Ok(())
    }
}

impl FromStr for Tuning {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        let adapter = lines.next().unwrap_or_default().to_owned();
        let mut winners = BTreeMap::new();
        for (i, line) in lines.enumerate().filter(|(_, line)| !line.is_empty()) {
            let (bucket, winner) = parse(line).ok_or_else(|| Error::Tuning {
                line: i + 2,
                problem: format!("{} is not: reads|writes f32|f16|bf16 ROWS CLASSES STRATEGY buffer|texture MS MS", quoted(line)),
            })?;
            winners.insert(bucket, winner);
        }
        Ok(Self { adapter, winners })
    }
}

/// Text of a file, made fit for one line of a message: cut and escaped.
fn quoted(text: &str) -> String {
    const LONGEST: usize = 120;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

fn parse(line: &str) -> Option<(Bucket, Winner)> {
    let words: Vec<&str> = line.split(' ').collect();
    let [kind, storage, rows, classes, strategy, from, milliseconds, untuned] = words[..] else { return None };
    let either = |word: &str, no: &str, yes: &str| (word == yes).then_some(true).or_else(|| (word == no).then_some(false));
    let log2 = |word: &str| word.parse::<u64>().ok().filter(|n| n.is_power_of_two()).map(u64::ilog2);
    let time = |word: &str| word.parse::<f64>().ok().filter(|t| t.is_finite() && *t >= 0.0);
    let bucket = Bucket {
        elements: either(kind, "reads", "writes")?,
        storage: [Storage::F32, Storage::F16, Storage::Bf16].into_iter().find(|s| s.to_string() == storage)?,
        log2_rows: log2(rows)?,
        log2_classes: log2(classes)?,
    };
    let winner = Winner {
        strategy: Strategy::ALL.into_iter().find(|s| s.to_string() == strategy)?,
        texture: either(from, "buffer", "texture")?,
        milliseconds: time(milliseconds)?,
        untuned: time(untuned)?,
    };
    Some((bucket, winner))
}

/// What a tuning is of: times of another driver or version say nothing.
fn name_of(gpu: &Gpu) -> String {
    format!("wgpu-xent {} on {}", env!("CARGO_PKG_VERSION"), gpu.describe())
}

impl Gpu {
    /// Measures every strategy that can serve each shape (rows, classes), for calls that only read logits and for those that write
    /// as many results, and says which are fastest. Takes a second or so for each shape on a GPU, longer where compiling is slow.
    /// Nothing calls this by itself. Use the result with [`with_tuning`](Self::with_tuning).
    ///
    /// Logits and gradients of each shape are on the device meanwhile. Cross-entropy stands for all operations.
    ///
    /// # Errors
    /// Those of [`record_cross_entropy`](Self::record_cross_entropy), [`Error::OutOfMemory`], [`Error::DeviceLost`], [`Error::Timeout`],
    /// [`Error::Cancelled`].
    pub fn tune(&self, shapes: &[(usize, usize)], storage: Storage) -> Result<Tuning> {
        let mut tuning = Tuning { adapter: name_of(self), winners: BTreeMap::new() };
        for &(rows, classes) in shapes {
            let case = Case::new(self, rows, classes, storage)?;
            for elements in [false, true] {
                let work = Work::dense(rows as u64, classes as u64, storage, elements);
                if let Some(winner) = case.winner(self, &work)? {
                    tuning.winners.insert(Bucket::of(&work), winner);
                }
            }
        }
        Ok(tuning)
    }

    /// The same GPU, which plans calls of shapes like those that were tuned as measured, and all others as before.
    ///
    /// # Errors
    /// [`Error::Tuning`] if the tuning is of another adapter, driver or version of this library.
    pub fn with_tuning(&self, tuning: &Tuning) -> Result<Self> {
        tuning.check(&name_of(self))?;
        Ok(self.tuned(Some(tuning.clone())))
    }
}

/// One shape, its buffers resident.
struct Case {
    rows: usize,
    classes: usize,
    storage: Storage,
    logits: wgpu::Buffer,
    targets: wgpu::Buffer,
    gradient: wgpu::Buffer,
}

impl Case {
    fn new(gpu: &Gpu, rows: usize, classes: usize, storage: Storage) -> Result<Self> {
        use wgpu::BufferUsages as Usage;
        let bytes = (rows as u64).saturating_mul(classes as u64).saturating_mul(storage.bytes() as u64);
        let usage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
        let make = |label, bytes: u64| gpu.scratch(label, bytes.next_multiple_of(16), usage);
        let case = Self {
            rows,
            classes,
            storage,
            logits: make("logits", bytes)?,
            targets: make("targets", rows as u64 * 4)?,
            gradient: make("gradient", bytes)?,
        };
        // Numbers from about -4 to 4 in any of the formats, the same for every candidate.
        let mut seed = 1_u32;
        let mut word = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let value = (seed >> 8) as f32 / (1 << 21) as f32 - 4.0;
            match storage {
                Storage::F32 => value.to_bits(),
                Storage::F16 => u32::from(half::f16::from_f32(value).to_bits()) * 0x1_0001,
                Storage::Bf16 => u32::from(half::bf16::from_f32(value).to_bits()) * 0x1_0001,
            }
        };
        // One piece of them again and again: what they are does not matter, only that no row is all equal.
        let piece: Vec<u32> = (0..(bytes / 4).clamp(1, 1 << 20)).map(|_| word()).collect();
        let size = piece.len() as u64 * 4;
        let piece = gpu.filled("piece", bytemuck::cast_slice(&piece), Usage::MAP_WRITE | Usage::COPY_SRC)?;
        let mut encoder = gpu.encoder()?;
        for offset in (0..bytes / 4 * 4).step_by(size as usize) {
            encoder.copy_buffer_to_buffer(&piece, 0, &case.logits, offset, (bytes / 4 * 4 - offset).min(size));
        }
        let targets: Vec<u32> = (0..rows).map(|row| (row % classes) as u32).collect();
        gpu.upload(&mut encoder, &case.targets, bytemuck::cast_slice(&targets))?;
        gpu.submit(encoder)?;
        Ok(case)
    }

    /// The fastest of all that can serve the work; none if nothing can.
    fn winner(&self, gpu: &Gpu, work: &Work) -> Result<Option<Winner>> {
        let plain = gpu.tuned(None);
        let mut best: Option<Winner> = None;
        // What the tables choose is the first, and stays if nothing is faster.
        let chosen = Plan::new(&Work { can_copy: true, ..*work }, gpu.caps(), None)?;
        let textures = if gpu.caps().may_read_textures() { &[false, true][..] } else { &[false] };
        let others = textures.iter().flat_map(|&texture| Strategy::ALL.map(|strategy| (strategy, texture)));
        let others = others.filter(|&other| other != (chosen.strategy, chosen.texture));
        for (strategy, texture) in std::iter::once((chosen.strategy, chosen.texture)).chain(others) {
            let forced = plain.with_strategy(strategy).with_texture_reads(texture);
            let candidate = Work { can_copy: true, ..*work };
            let Ok(plan) = Plan::new(&candidate, forced.caps(), Some(strategy)) else { continue };
            // Such a plan is another strategy's by another name.
            let is_other = strategy == Strategy::Tile && plan.tile == 0 || strategy == Strategy::Held && plan.held == 0;
            if plan.texture != texture || is_other {
                continue;
            }
            let hopeless = best.map_or(f64::INFINITY, |b| HOPELESS * b.milliseconds);
            let Some(milliseconds) = self.median(&forced, work.elements, hopeless)? else { continue };
            log::info!("tune {} x {}, {}: {milliseconds:.3} ms, {plan}", self.rows, self.classes, self.storage);
            let untuned = best.map_or(milliseconds, |b| b.untuned);
            if best.is_none_or(|b| milliseconds < b.milliseconds) {
                best = Some(Winner { strategy, texture, milliseconds, untuned });
            }
        }
        Ok(best)
    }

    /// The median time of a call; none if the first takes longer than is hopeless.
    fn median(&self, gpu: &Gpu, elements: bool, hopeless: f64) -> Result<Option<f64>> {
        // The first call compiles.
        self.run(gpu, elements)?;
        let mut samples = vec![self.run(gpu, elements)?];
        if samples[0] > hopeless {
            return Ok(None);
        }
        while samples.len() < SAMPLES || samples.iter().sum::<f64>() < MILLISECONDS && samples.len() < 20 * SAMPLES {
            samples.push(self.run(gpu, elements)?);
        }
        samples.sort_by(f64::total_cmp);
        Ok(Some(samples[samples.len() / 2]))
    }

    /// Milliseconds of one call.
    fn run(&self, gpu: &Gpu, elements: bool) -> Result<f64> {
        gpu.go_on()?;
        let (rows, classes) = (self.rows, self.classes);
        let matrix = |buffer| match self.storage {
            Storage::F32 => DeviceMatrix::new::<f32>(buffer, rows, classes),
            Storage::F16 => DeviceMatrix::new::<half::f16>(buffer, rows, classes),
            Storage::Bf16 => DeviceMatrix::new::<half::bf16>(buffer, rows, classes),
        };
        let buffers = CrossEntropyBuffers {
            gradient: elements.then(|| matrix(&self.gradient)).transpose()?.map(Output::To),
            ..CrossEntropyBuffers::new(matrix(&self.logits)?, DeviceVector::new(&self.targets))
        };
        let mut encoder = gpu.encoder()?;
        gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new())?;
        let start = Instant::now();
        let submission = gpu.submit(encoder)?;
        gpu.finish(&submission)?;
        Ok(start.elapsed().as_secs_f64() * 1e3)
    }
}
