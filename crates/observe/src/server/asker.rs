//! The thread that asks the feed: once for everybody who wants to know at the same time.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Instant, SystemTime};

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{ANSWER_WITHIN, CONNECTIONS_MAX, REPORT_EVERY, Source};
use crate::observer::{Observed, Observer};

/// Questions that may wait: those of every connection, and of those that gave up while a feed did not answer.
const QUESTIONS_MAX: usize = 8 * CONNECTIONS_MAX;

type Question = oneshot::Sender<Arc<Observed>>;

/// The way to the thread, which ends with it: at once, or as soon as its source has answered.
pub(super) struct Asker {
    questions: SyncSender<Question>,
}

impl Asker {
    pub(super) fn start(source: impl Source) -> io::Result<Self> {
        let (questions, asked) = sync_channel(QUESTIONS_MAX);
        std::thread::Builder::new().name("touchline-asker".to_owned()).spawn(move || run(source, &asked))?;
        Ok(Self { questions })
    }

    /// How the feed stands, or stood at most a quarter of a second ago. If it does not say so within a second, that.
    pub(super) async fn ask(&self) -> Arc<Observed> {
        let (question, answer) = oneshot::channel();
        let asked = self.questions.try_send(question).is_ok();
        if asked && let Ok(Ok(observed)) = timeout(ANSWER_WITHIN, answer).await {
            return observed;
        }
        // What was added up is the thread's, which is not there to be asked.
        let why = "the feed's threads did not answer within 1 s";
        Arc::new(Observer::new().silent(why, SystemTime::now()))
    }
}

fn run(mut source: impl Source, questions: &Receiver<Question>) {
    let mut observer = Observer::new();
    let mut latest: Option<(Instant, Arc<Observed>)> = None;
    while let Ok(question) = questions.recv() {
        let fresh = latest.as_ref().filter(|(at, _)| at.elapsed() < REPORT_EVERY);
        let observed = match fresh {
            Some((_, observed)) => Arc::clone(observed),
            None => {
                let observed = match source.report() {
                    Ok(report) => observer.observe(&report, SystemTime::now()),
                    Err(error) => observer.silent(&error.to_string(), SystemTime::now()),
                };
                let observed = Arc::new(observed);
                latest = Some((Instant::now(), Arc::clone(&observed)));
                observed
            }
        };
        // Whoever has given up waiting wants no answer.
        let _ = question.send(observed);
    }
}
