//! Threads that make calls at once, and the one that watches them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use wgpu_xent::Gpu;

use super::cases::Case;
use crate::interrupt;

/// The failures that are kept in words.
const KEPT: usize = 10;

/// What came of many calls.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) calls: u64,
    pub(super) failures: u64,
    /// The first failures.
    pub(super) messages: Vec<String>,
}

impl Outcome {
    pub(super) fn add(&mut self, name: &str, end: Result<(), String>) {
        self.calls += 1;
        if let Err(message) = end {
            self.failures += 1;
            if self.messages.len() < KEPT {
                self.messages.push(format!("{name}: {message}"));
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.calls += other.calls;
        self.failures += other.failures;
        self.messages.extend(other.messages.into_iter().take(KEPT - self.messages.len().min(KEPT)));
    }
}

/// Who calls what, on which devices.
#[derive(Clone)]
pub(super) struct Load {
    pub(super) gpus: Arc<Vec<Gpu>>,
    pub(super) cases: Arc<Vec<Case>>,
    pub(super) threads: usize,
    /// After so long a call is stuck.
    pub(super) patience: Duration,
}

/// What a thread is doing, since when.
type Doing = Arc<Mutex<Option<(Instant, String)>>>;

impl Load {
    /// Makes every call once on every device, a thread each, which compiles what there is to compile. Errors as of [`run`](Self::run).
    pub(super) fn run_each(&self) -> Result<Outcome, String> {
        let each = |load: &Self, number: usize, doing: &Doing, _: &AtomicBool| {
            let mut outcome = Outcome::default();
            for case in load.cases.iter().take_while(|_| !interrupt::cancel().is_cancelled()) {
                load.call(case, &load.gpus[number], false, doing, &mut outcome);
            }
            outcome
        };
        self.watch(self.gpus.len(), Duration::ZERO, each, |_| {})
    }

    /// Makes calls in all threads for some time; `meanwhile` runs in this one again and again. An error names the calls that are stuck,
    /// whose threads are left behind.
    pub(super) fn run(&self, time: Duration, meanwhile: impl FnMut(&mut Outcome)) -> Result<Outcome, String> {
        self.watch(self.threads, time, Self::work, meanwhile)
    }

    fn watch(
        &self,
        threads: usize,
        time: Duration,
        work: impl Fn(&Self, usize, &Doing, &AtomicBool) -> Outcome + Copy + Send + 'static,
        mut meanwhile: impl FnMut(&mut Outcome),
    ) -> Result<Outcome, String> {
        let end = Instant::now() + time;
        let stop = Arc::new(AtomicBool::new(false));
        let workers: Vec<(Doing, JoinHandle<Outcome>)> = (0..threads)
            .map(|number| {
                let (load, doing, stop) = (self.clone(), Doing::default(), Arc::clone(&stop));
                let told = Arc::clone(&doing);
                (doing, spawn(move || work(&load, number, &told, &stop)))
            })
            .collect();
        let mut outcome = Outcome::default();
        loop {
            let stuck: Vec<String> = workers.iter().enumerate().filter_map(|(i, (doing, _))| self.stuck(i, doing)).collect();
            if !stuck.is_empty() {
                stop.store(true, Ordering::Relaxed);
                return Err(stuck.join("; "));
            }
            if Instant::now() >= end || interrupt::cancel().is_cancelled() {
                stop.store(true, Ordering::Relaxed);
                if workers.iter().all(|(_, worker)| worker.is_finished()) {
                    break;
                }
            } else {
                meanwhile(&mut outcome);
            }
            sleep(Duration::from_millis(20));
        }
        for (_, worker) in workers {
            match worker.join() {
                Ok(own) => outcome.merge(own),
                Err(_) => outcome.add("a thread", Err("it panicked".to_owned())),
            }
        }
        Ok(outcome)
    }

    fn stuck(&self, number: usize, doing: &Doing) -> Option<String> {
        let doing = doing.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, what) = doing.as_ref()?;
        let seconds = since.elapsed();
        (seconds > self.patience).then(|| format!("thread {number} is stuck in {what} for {} s", seconds.as_secs()))
    }

    fn call(&self, case: &Case, gpu: &Gpu, awaited: bool, doing: &Doing, outcome: &mut Outcome) {
        *doing.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), case.name.clone()));
        outcome.add(&case.name, checked(case, gpu, awaited));
        *doing.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Calls cases at random, on devices at random, blocking or awaited.
    fn work(&self, number: usize, doing: &Doing, stop: &AtomicBool) -> Outcome {
        let mut seed = number as u64 + 1;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        let mut outcome = Outcome::default();
        while !stop.load(Ordering::Relaxed) {
            let (case, gpu) = (&self.cases[random(self.cases.len())], &self.gpus[random(self.gpus.len())]);
            let awaited = random(2) == 1;
            self.call(case, gpu, awaited, doing, &mut outcome);
            // Sometimes nothing is kept for the next call.
            if random(200) == 0 {
                gpu.trim();
            }
        }
        outcome
    }
}

/// A call whose panic, of wgpu or a driver, is a failure like others.
pub(super) fn checked(case: &Case, gpu: &Gpu, awaited: bool) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| case.check(gpu, awaited))).unwrap_or_else(|cause| {
        let text = cause.downcast_ref::<String>().map(String::as_str).or_else(|| cause.downcast_ref::<&str>().copied());
        Err(format!("a panic: {}", text.unwrap_or("of another kind")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(call: impl Fn(&Gpu, bool) -> wgpu_xent::Result<Vec<f32>> + Send + Sync + 'static, patience: Duration) -> Load {
        let expected = Some((vec![1.0], 1e-6, 0.0));
        let cases = Arc::new(vec![Case::new("a case".to_owned(), Box::new(call), expected)]);
        Load { gpus: Arc::new(vec![Gpu::new().unwrap()]), cases, threads: 2, patience }
    }

    fn messages(call: impl Fn(&Gpu, bool) -> wgpu_xent::Result<Vec<f32>> + Send + Sync + 'static) -> String {
        let outcome = load(call, Duration::from_secs(60)).run(Duration::from_millis(30), |_| {}).unwrap();
        assert!(outcome.calls >= outcome.failures && outcome.messages.len() <= KEPT);
        outcome.messages.into_iter().next().unwrap_or_default()
    }

    #[test]
    fn what_goes_wrong_is_seen() {
        assert_eq!(messages(|_, _| Ok(vec![1.0])), "");
        assert_eq!(messages(|_, _| Ok(vec![1.1])), "a case: number 0 is 1.1e0, expected 1e0");
        assert_eq!(messages(|_, _| Ok(vec![f32::NAN])), "a case: number 0 is NaN, expected 1e0");
        assert_eq!(messages(|_, _| Ok(vec![])), "a case: 0 numbers, not 1");
        assert_eq!(messages(|_, _| Err(wgpu_xent::Error::Cancelled)), "a case: the call was cancelled");
        assert_eq!(messages(|_, _| panic!("as wgpu does")), "a case: a panic: as wgpu does");
        let calls = std::sync::atomic::AtomicU32::new(0);
        let drifts = move |_: &Gpu, _| Ok(vec![f32::from_bits(1_f32.to_bits() + calls.fetch_add(1, Ordering::Relaxed).min(4))]);
        assert!(messages(drifts).starts_with("a case: not what"));
    }

    #[test]
    fn who_is_stuck_is_named() {
        let hangs = |_: &Gpu, _| {
            sleep(Duration::from_secs(3));
            Ok(vec![1.0])
        };
        let stuck = load(hangs, Duration::from_millis(200)).run(Duration::from_millis(10), |_| {}).unwrap_err();
        assert!(stuck.starts_with("thread ") && stuck.contains(" is stuck in a case for 0 s"), "{stuck}");
    }
}
