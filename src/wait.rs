//! Waiting for the device, never without an end: whatever wgpu, drivers and other threads do meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak, mpsc};
use std::thread::{JoinHandle, current};
use std::time::{Duration, Instant};

use futures_intrusive::channel::shared::{Sender, channel};

use crate::cancel::Cancel;
use crate::gpu::Gpu;
use crate::turns::{Turn, Turns};
use crate::{Error, Result};

/// How long a wait lasts at most, unless the caller says otherwise.
const DEADLINE: Duration = Duration::from_secs(300);

/// A deadline so far away that it is none: instants may not reach further.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// How long the last handle waits for pollers at most: a waker may want a lock that is held while the handle is dropped.
const FAREWELL: Duration = Duration::from_secs(10);

/// How many panics of wgpu a wait outlives: with several threads at one device, it may find the queue empty before it has seen that
/// the last work is done, and takes that for a defect.
const PANICS: usize = 5;

/// The shortest and the longest pause between two polls that take turns with what other threads do.
const PAUSES: (Duration, Duration) = (Duration::from_micros(20), Duration::from_millis(2));

/// How a wait ended that did not end well.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The deadline passed.
    Timeout,
    /// The device is gone, or wgpu gave up on it.
    Device(String),
}

/// Something whose callbacks, each of which holds it, have not all run yet, or been dropped.
pub(crate) type UnderWay = Weak<()>;

/// How a handle waits.
#[derive(Clone, Debug)]
pub(crate) struct Waits {
    /// The longest time.
    deadline: Duration,
    /// Whether the calling thread polls the device, which those of blocking calls do.
    pub(crate) inline: bool,
    /// Who polls otherwise: one thread for the handles of one deadline, so that the first to begin is the first to end.
    poller: Arc<OnceLock<Poller>>,
    /// What stops calls between windows.
    pub(crate) cancel: Option<Cancel>,
}

impl Default for Waits {
    fn default() -> Self {
        Self { deadline: DEADLINE, inline: false, poller: Arc::default(), cancel: None }
    }
}

impl Waits {
    fn end(&self) -> Instant {
        Instant::now() + self.deadline.min(NEVER)
    }
}

/// Polls until a submission is done, and the callbacks that hold `under_way` have run.
///
/// One long wait in wgpu, but for GL: there it holds the one context, so that many short ones take [turns](Turns) with what other
/// threads do. wgpu panics where a device is lost in the middle of a wait: that becomes an error if it happens again and again.
pub(crate) fn wait(
    device: &wgpu::Device,
    turns: &Turns,
    submission: Option<&wgpu::SubmissionIndex>,
    under_way: &UnderWay,
    end: Instant,
) -> Result<(), Failure> {
    let by_turns = turns.are_taken();
    let start = Instant::now();
    let mut panics = 0;
    while !by_turns || under_way.strong_count() > 0 {
        let now = Instant::now();
        let poll = if by_turns {
            wgpu::PollType::Poll
        } else {
            wgpu::PollType::Wait { submission_index: submission.cloned(), timeout: Some(end.saturating_duration_since(now)) }
        };
        // Nothing of ours is in between states here; what wgpu left behind is only asked whether it is lost.
        let polled = {
            let Some(_turn) = turns.begin(end) else { return Err(Failure::Timeout) };
            catch_unwind(AssertUnwindSafe(|| device.poll(poll)))
        };
        match polled {
            Ok(Ok(_)) if !by_turns => return Ok(()),
            Ok(Ok(_) | Err(wgpu::PollError::Timeout)) if now >= end => return Err(Failure::Timeout),
            Ok(Ok(_)) => std::thread::sleep((start.elapsed() / 32).clamp(PAUSES.0, PAUSES.1)),
            // A wait that was cut short.
            Ok(Err(wgpu::PollError::Timeout)) => {}
            Ok(Err(error)) => return Err(Failure::Device(error.to_string())),
            Err(_) if panics < PANICS => {
                panics += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(_) => return Err(Failure::Device("wgpu gave up while waiting for it".into())),
        }
    }
    Ok(())
}

/// Where the end of a wait is told: by a callback of wgpu, or by the poller if there will be none.
pub(crate) type Told = Sender<Result<(), Failure>>;

/// What a poller is asked for.
struct Awaited {
    submission: Option<wgpu::SubmissionIndex>,
    under_way: UnderWay,
    end: Instant,
    told: Told,
}

/// A thread that polls the device while someone awaits it, since wgpu makes progress only when polled.
#[derive(Debug)]
struct Poller(mpsc::Sender<Awaited>);

impl Poller {
    fn new(device: wgpu::Device, turns: Arc<Turns>, threads: &Pollers) -> Self {
        let (sender, receiver) = mpsc::channel::<Awaited>();
        // The thread ends with the last handle, whose drop closes the channel.
        threads.add(move || {
            while let Ok(Awaited { submission, under_way, end, told }) = receiver.recv() {
                if let Err(failure) = wait(&device, &turns, submission.as_ref(), &under_way, end) {
                    // The receiver is gone only if the caller gave up waiting. A waker that panics is its owner's affair: others wait, too.
                    let _ = catch_unwind(AssertUnwindSafe(|| told.try_send(Err(failure))));
                }
            }
        });
        Self(sender)
    }
}

/// A thread, and what it holds as long as it holds the device.
type Held = (JoinHandle<()>, mpsc::Receiver<()>);

/// The threads of a device's pollers, each of which holds the device until it ends.
#[derive(Debug, Default)]
pub(crate) struct Pollers(Mutex<Vec<Held>>);

impl Pollers {
    fn add(&self, run: impl FnOnce() + Send + 'static) {
        let (holds, held) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            run();
            drop(holds);
        });
        let mut threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        threads.retain(|(thread, _)| !thread.is_finished());
        threads.push((thread, held));
    }

    /// Waits until all have ended, which they do when no handle is left: a process that ends while a thread of its closes a device may
    /// crash in the driver. Returns whether they have, as far as the caller can know: one of them may be it, in a waker that drops the
    /// last handle.
    pub(crate) fn end(&mut self) -> bool {
        let threads = std::mem::take(self.0.get_mut().unwrap_or_else(PoisonError::into_inner));
        if threads.iter().any(|(thread, _)| thread.thread().id() == current().id()) {
            return true;
        }
        let end = Instant::now() + FAREWELL;
        threads.into_iter().all(|(thread, held)| {
            let let_go = held.recv_timeout(end.saturating_duration_since(Instant::now())) == Err(mpsc::RecvTimeoutError::Disconnected);
            // Windows ends no thread while it runs destructors of another's locals, where this may be.
            if let_go && !cfg!(windows) {
                // What panicked has ended, too.
                let _ = thread.join();
            }
            let_go
        })
    }
}

impl Gpu {
    /// The same GPU, with handles that wait so long at most, instead of 300 s, for the work that a call has under way: two windows of
    /// its rows at host level, or what was submitted before [`PendingSummary::read`](crate::PendingSummary::read). Then the
    /// call gives [`Error::Timeout`].
    ///
    /// The GPU may be hung, or only slow: what it was given it may still finish, and its buffers are not used again before that.
    /// Calls after it queue behind that work. If they time out too, open another [`Gpu`]; dropping this one does not wait.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        let mut gpu = self.clone();
        gpu.waits = Waits { deadline, poller: Arc::default(), ..gpu.waits };
        gpu
    }

    /// Polls until the submission and its callbacks are done: here and now for a blocking call, else by the poller, which tells only
    /// failures.
    pub(crate) fn wait_for(&self, submission: Option<wgpu::SubmissionIndex>, under_way: UnderWay, told: Told) -> Result<()> {
        let end = self.waits.end();
        if self.waits.inline {
            return wait(self.device(), self.turns(), submission.as_ref(), &under_way, end).map_err(|failure| self.failed(failure));
        }
        let new = || Poller::new(self.device().clone(), Arc::clone(self.turns()), self.pollers());
        let poller = self.waits.poller.get_or_init(new);
        // The poller lives as long as the handle that is borrowed here.
        let _ = poller.0.send(Awaited { submission, under_way, end, told });
        Ok(())
    }

    /// Waits until everything that was submitted is done: drivers may keep the next submission waiting, lavapipe does, and a deadline
    /// cannot end that.
    pub(crate) async fn settled(&self) -> Result<()> {
        let (told, receiver) = channel(2);
        let (done, tell) = (Arc::new(()), told.clone());
        let under_way = Arc::downgrade(&done);
        self.when_done(move || {
            // The receiver is gone only if the caller gave up waiting.
            let _ = tell.try_send(Ok(()));
            drop(done);
        })?;
        self.wait_for(None, under_way, told)?;
        receiver.receive().await.unwrap_or(Ok(())).map_err(|failure| self.failed(failure))
    }

    /// Waits, blocking, until a submission is done.
    pub(crate) fn finish(&self, submission: &wgpu::SubmissionIndex) -> Result<()> {
        let done = Arc::new(());
        let under_way = Arc::downgrade(&done);
        self.when_done(move || drop(done))?;
        wait(self.device(), self.turns(), Some(submission), &under_way, self.waits.end()).map_err(|failure| self.failed(failure))
    }

    /// Has something run when all that was submitted is done. wgpu submits what it has yet to copy for that.
    fn when_done(&self, run: impl FnOnce() + Send + 'static) -> Result<()> {
        self.scoped(0, || self.queue().on_submitted_work_done(run))
    }

    /// A turn with GL's context, as soon as there is one.
    pub(crate) fn turn(&self) -> Result<Turn<'_>> {
        self.turns().begin(self.waits.end()).ok_or(Error::Timeout { deadline: self.waits.deadline })
    }

    /// The error of a wait that failed.
    pub(crate) fn failed(&self, failure: Failure) -> Error {
        self.lost().unwrap_or_else(|| match failure {
            Failure::Timeout => {
                self.remember_timeout();
                Error::Timeout { deadline: self.waits.deadline }
            }
            Failure::Device(message) => Error::Gpu { message },
        })
    }
}

/// Keeps a device and its queue until what they were given is done, on a thread that nobody waits for: wgpu waits without an end when
/// a queue is dropped.
pub(crate) fn outlive(device: wgpu::Device, queue: wgpu::Queue) {
    let done = Arc::new(());
    let under_way = Arc::downgrade(&done);
    std::thread::spawn(move || {
        if catch_unwind(AssertUnwindSafe(|| queue.on_submitted_work_done(move || drop(done)))).is_err() {
            return;
        }
        while under_way.strong_count() > 0 {
            let poll = AssertUnwindSafe(|| device.poll(wgpu::PollType::Poll));
            if catch_unwind(poll).is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(queue);
    });
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Wake};

    use super::*;
    use crate::{AdapterChoice, Logits};

    const NUMBERS: [f32; 64] = [0.0; 64];

    fn gpus() -> impl Iterator<Item = Gpu> {
        Gpu::adapters().into_iter().map(|adapter| Gpu::open(&AdapterChoice::Index(adapter.index)).unwrap())
    }

    /// What the threads of pollers hold besides the device, and let go of with it.
    fn held(gpu: &Gpu) -> Weak<Turns> {
        Arc::downgrade(gpu.turns())
    }

    async fn call(gpu: &Gpu) {
        gpu.softmax_async(&Logits::new(&NUMBERS, 4, 16).unwrap()).await.unwrap();
    }

    #[test]
    fn no_thread_outlives_the_last_handle() {
        for gpu in gpus() {
            let (held, name) = (held(&gpu), gpu.describe());
            let others = [1, 2].map(|minutes| gpu.with_deadline(Duration::from_secs(60 * minutes)));
            pollster::block_on(async {
                for gpu in others.iter().chain([&gpu]) {
                    call(gpu).await;
                }
            });
            // Pollers end too soon to be seen waited for: this one does not.
            let late = Arc::new(());
            let slow = (Arc::clone(&late), Arc::clone(gpu.turns()));
            gpu.pollers().add(move || {
                std::thread::sleep(Duration::from_millis(300));
                drop(slow);
            });
            let start = Instant::now();
            drop(gpu);
            drop(others);
            assert!(start.elapsed() < FAREWELL, "{name}: threads that wait for the last handle");
            assert_eq!((Arc::strong_count(&late), held.strong_count()), (1, 0), "{name}");
        }
    }

    /// What keeps a poller from its end keeps the last handle for a while only.
    #[test]
    fn the_last_handle_does_not_wait_for_ever() {
        let gpu = Gpu::new().unwrap();
        let (busy, turns) = (Arc::new(Mutex::new(())), Arc::clone(gpu.turns()));
        let (held, wanted, lock) = (held(&gpu), Arc::clone(&busy), busy.lock().unwrap());
        gpu.pollers().add(move || {
            drop(wanted.lock());
            drop(turns);
        });
        let start = Instant::now();
        drop(gpu);
        assert!((FAREWELL..2 * FAREWELL).contains(&start.elapsed()) && held.strong_count() == 1, "{:?}", start.elapsed());
        drop(lock);
    }

    /// Drops what it runs, and the last handle with it, as soon as it is to go on.
    struct Task {
        future: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
        dropped: mpsc::Sender<(std::thread::ThreadId, Duration)>,
    }

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            let start = Instant::now();
            drop(self.future.lock().unwrap().take());
            self.dropped.send((current().id(), start.elapsed())).unwrap();
        }
    }

    #[test]
    fn a_waker_may_drop_the_last_handle() {
        for adapter in Gpu::adapters() {
            let (dropped, when_dropped) = mpsc::channel();
            let begin = |_| {
                let gpu = Gpu::open(&AdapterChoice::Index(adapter.index)).unwrap();
                let held = held(&gpu);
                let future: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move { call(&gpu).await });
                let task = Arc::new(Task { future: Mutex::new(Some(future)), dropped: dropped.clone() });
                let waker = Arc::clone(&task).into();
                let mut future = task.future.lock().unwrap();
                future.as_mut().unwrap().as_mut().poll(&mut Context::from_waker(&waker)).is_pending().then_some(held)
            };
            // A call may end before it is asked for the first time.
            let (name, held) = (adapter.to_string(), (0..100).find_map(begin).expect("no call is awaited"));
            let (thread, took) = when_dropped.recv_timeout(Duration::from_secs(60)).expect("the waker is called");
            assert!(thread != current().id() && took < FAREWELL, "{name}: the thread waited {took:?}, for itself");
            let start = Instant::now();
            while held.upgrade().is_some() {
                assert!(start.elapsed().as_secs() < 60, "{name}: the thread did not end");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}
