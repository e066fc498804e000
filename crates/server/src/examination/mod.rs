//! Has letters looked at before they are accepted.
//!
//! Examiners look one after the other, each within a time of its own and with all that the ones
//! before have found. Who fails or is late is left out, with a line in the log: a letter is never
//! lost and never held up for long by one of them.
//!
//! Start at [`Examiners::examine`]. What they say together is `engine::examination`.

pub mod attendance;
pub mod authenticate;
pub mod blocklists;
mod chain;
pub mod clamav;
pub mod greylisting;
pub mod milter;
pub mod outside;
mod results;
pub mod rspamd;
mod seen;
pub mod settings;
pub mod spam;
mod spf;

use attendance::{Attendance, Follower};
use engine::examination::stage::Caller;
use engine::examination::{Examination, Examined, Finding};
use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::time::timeout;

/// What an examiner will have to say.
pub type Looking<'a> = Pin<Box<dyn Future<Output = Result<Finding, String>> + Send + 'a>>;

/// Whose letters an examiner looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those that come from elsewhere.
    Strangers,
    /// Those that users submit, too.
    All,
}

/// Someone who looks at letters.
pub trait Examiner: Send + Sync {
    /// Its name in the log.
    fn name(&self) -> &'static str;

    /// Whether it looks for what harms others, and so also at letters of users.
    fn looks_at(&self) -> Scope {
        Scope::Strangers
    }

    /// How long it may take; what it says later is not heard.
    fn budget(&self) -> Duration;

    /// Looks at a letter. `so_far` is what the examiners before have said.
    ///
    /// Errors: a line for the log; the letter goes on without its word.
    fn examine<'a>(&'a self, letter: &'a Examination, so_far: &'a Examined) -> Looking<'a>;

    /// Someone who follows a connection to come, for examiners that want to hear all of it.
    fn follower(&self) -> Option<Box<dyn Follower>> {
        None
    }
}

/// All examiners, in the order in which they look.
#[derive(Default)]
pub struct Examiners {
    list: Vec<Arc<dyn Examiner>>,
}

impl Examiners {
    /// These, in this order.
    pub fn new(list: Vec<Arc<dyn Examiner>>) -> Self {
        Self { list }
    }

    /// Those who follow a connection to come.
    pub fn attend(&self, caller: &Caller) -> Attendance {
        let hears = |one: &dyn Examiner| !caller.submits || one.looks_at() == Scope::All;
        let each = self.list.iter().enumerate();
        let followers = each.filter(|(_, one)| hears(&***one));
        Attendance::new(
            followers
                .filter_map(|(at, one)| Some((at, one.follower()?)))
                .collect(),
        )
    }

    /// Has a letter looked at by all, until one of them has refused it for good.
    pub async fn examine(&self, letter: &Examination) -> Examined {
        let nobody = &mut Attendance::default();
        self.examine_followed(letter, nobody).await
    }

    /// The same, by those who have followed it from its beginning with what they know from there.
    pub async fn examine_followed(
        &self,
        letter: &Examination,
        attendance: &mut Attendance,
    ) -> Examined {
        let mut all = Examined::default();
        let mut letter = Cow::Borrowed(letter);
        let is_submitted = letter.submitter.is_some();
        let looks = |one: &dyn Examiner| !is_submitted || one.looks_at() == Scope::All;
        for (at, examiner) in self.list.iter().enumerate() {
            if !looks(&**examiner) {
                continue;
            }
            let looking = match attendance.at(at) {
                Some(follower) => follower.examine(&letter, &all),
                None => examiner.examine(&letter, &all),
            };
            let looking = survived(looking, || Err("it panicked".to_owned()));
            let finding = match timeout(examiner.budget(), looking).await {
                Ok(Ok(finding)) => finding,
                Ok(Err(why)) => {
                    tracing::warn!(examiner = examiner.name(), why, "a letter is not examined");
                    continue;
                }
                Err(_) => {
                    let why = "it took too long";
                    tracing::warn!(examiner = examiner.name(), why, "a letter is not examined");
                    continue;
                }
            };
            let rewritten = finding.rewritten.clone();
            all.join(finding);
            if let Some(new) = rewritten {
                let letter = letter.to_mut(); // Those that follow look at what it is now.
                (letter.header, letter.letter) = (new.header, new.letter);
            }
            if all.is_final() {
                break;
            }
        }
        all
    }
}

/// The same, but a panic is an error like others: it must not take the letter's session with it.
async fn survived<T>(
    mut looking: Pin<Box<dyn Future<Output = T> + Send + '_>>,
    fallen: impl Fn() -> T,
) -> T {
    poll_fn(|context| {
        // Nobody looks at the future again after a panic.
        let step = AssertUnwindSafe(|| looking.as_mut().poll(context));
        catch_unwind(step).unwrap_or_else(|_| Poll::Ready(fallen()))
    })
    .await
}

#[cfg(any(test, feature = "fuzzed"))]
pub mod fuzzed;
#[cfg(test)]
mod outside_tests;
#[cfg(test)]
pub mod tests;
