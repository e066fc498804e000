//! Has letters looked at before they are accepted.
//!
//! Examiners look one after the other, each within a time of its own and with all that the ones
//! before have found. Who fails or is late is left out, with a line in the log: a letter is never
//! lost and never held up for long by one of them.
//!
//! Start at [`Examiners::examine`]. What they say together is `engine::examination`.

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

    /// Has a letter looked at by all, until one of them has refused it for good.
    pub async fn examine(&self, letter: &Examination) -> Examined {
        let mut all = Examined::default();
        let mut letter = Cow::Borrowed(letter);
        let is_submitted = letter.submitter.is_some();
        let looks = |one: &&Arc<dyn Examiner>| !is_submitted || one.looks_at() == Scope::All;
        for examiner in self.list.iter().filter(looks) {
            let looking = survived(examiner.examine(&letter, &all));
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
async fn survived(mut looking: Looking<'_>) -> Result<Finding, String> {
    poll_fn(|context| {
        // Nobody looks at the future again after a panic.
        let step = AssertUnwindSafe(|| looking.as_mut().poll(context));
        catch_unwind(step).unwrap_or_else(|_| Poll::Ready(Err("it panicked".to_owned())))
    })
    .await
}

#[cfg(test)]
mod fuzzed;
#[cfg(test)]
mod outside_tests;
#[cfg(test)]
pub mod tests;
