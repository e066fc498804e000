//! Counts what speaks for and against a letter.
//!
//! Comes last, so that all that others found is in the sum. Reads the letter on a thread that may
//! wait for the disk. The rules are `engine::spam`.

use super::{Examiner, Looking};
use crate::driver::pool::Pool;
use engine::examination::{Decision, Examination, Examined, Finding};
use engine::spam::attachment::refusal;
use engine::spam::content::Content;
use engine::spam::reputation::Origins;
use engine::spam::{Case, assess};
use engine::{Engine, EngineError};
use std::sync::Arc;
use std::time::Duration;

/// How long it may take to read the letter.
const BUDGET: Duration = Duration::from_secs(20);

/// The examiner.
pub struct Counter {
    engine: Engine,
    pool: Arc<Pool>,
}

impl Counter {
    /// Reads letters of this engine on this pool.
    pub fn new(engine: Engine, pool: Arc<Pool>) -> Self {
        Self { engine, pool }
    }
}

impl Examiner for Counter {
    fn name(&self) -> &'static str {
        "spam"
    }

    fn budget(&self) -> Duration {
        BUDGET
    }

    fn examine<'a>(&'a self, letter: &'a Examination, so_far: &'a Examined) -> Looking<'a> {
        let (engine, letter, so_far) = (self.engine.clone(), letter.clone(), so_far.clone());
        Box::pin(async move {
            let count = move || count(&engine, &letter, &so_far);
            let found = self.pool.run(None, count).await;
            let found = found.map_err(|_| "the server stops".to_owned())?;
            found.map_err(|error| error.to_string())
        })
    }
}

fn count(engine: &Engine, letter: &Examination, so_far: &Examined) -> Result<Finding, EngineError> {
    let read = |range| engine.read_staged(&letter.letter, range);
    let content = Content::read(&letter.header, letter.letter.summary(), &read)?;
    let settings = &engine.settings().spam;
    if let Some(refusal) = refusal(&content.attachments, settings) {
        return Ok(Finding {
            decision: Decision::Refuse(refusal),
            ..Finding::default()
        });
    }
    let case = Case {
        arrival: letter,
        authentication: &so_far.authentication,
        content: &content,
        hostname: &engine.settings().hostname,
        now: engine.now(),
    };
    let (words, by_words) = engine.words_of_all(&content)?;
    let mut reasons = so_far.reasons.clone();
    reasons.extend(by_words);
    let origins = Origins::of_arrival(letter, &so_far.authentication);
    reasons.extend(engine.reputation(&origins)?);
    let mut sum = assess(&case, &reasons, settings);
    sum.words = words.into();
    sum.author.clone_from(&content.author.address);
    Ok(Finding {
        decision: sum.decision(settings),
        facts: vec![("spam", sum.summary())],
        spam: Some(sum),
        ..Finding::default()
    })
}
