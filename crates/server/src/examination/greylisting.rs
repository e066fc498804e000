//! Asks strangers to come again.
//!
//! Whom a recipient's mailbox knows already comes in at once, if it is proven that they wrote; so
//! does who signed in, and what is refused anyway is not asked back. The rules are
//! `engine::greylist`.
//!
//! Source: RFC 6647.

use super::{Examiner, Looking};
use crate::driver::pool::Pool;
use engine::examination::authentication::{Author, Outcome};
use engine::examination::{Decision, Examination, Examined, Finding, Refusal};
use engine::greylist::Comer;
use engine::spam::content::people;
use engine::{Engine, EngineError};
use formats::message::header;
use std::sync::Arc;
use std::time::Duration;

/// How long it may take to look whether the author is known.
const BUDGET: Duration = Duration::from_secs(10);

/// The examiner.
pub struct Greylister {
    engine: Engine,
    pool: Arc<Pool>,
    seconds: u32,
}

impl Greylister {
    /// Makes strangers wait for so many seconds.
    pub fn new(engine: Engine, pool: Arc<Pool>, seconds: u32) -> Self {
        Self {
            engine,
            pool,
            seconds,
        }
    }

    /// True when a mailbox behind one of the recipients knows the author, who is proven.
    async fn is_known(&self, letter: &Examination, so_far: &Examined) -> Result<bool, String> {
        let found = &so_far.authentication;
        if !matches!(found.author, Author::Domain(_)) || found.dmarc != Outcome::Pass {
            return Ok(false);
        }
        let (engine, letter) = (self.engine.clone(), letter.clone());
        let known = self.pool.run(None, move || knows(&engine, &letter)).await;
        let known = known.map_err(|_| "the server stops".to_owned())?;
        known.map_err(|error| error.to_string())
    }
}

impl Examiner for Greylister {
    fn name(&self) -> &'static str {
        "greylisting"
    }

    fn budget(&self) -> Duration {
        BUDGET
    }

    fn examine<'a>(&'a self, letter: &'a Examination, so_far: &'a Examined) -> Looking<'a> {
        Box::pin(async move {
            let Some(peer) = letter.peer.filter(|_| letter.submitter.is_none()) else {
                return Ok(Finding::default());
            };
            if self.is_known(letter, so_far).await? {
                return Ok(Finding::default());
            }
            let comer = Comer {
                peer,
                sender: &letter.sender,
                recipients: &letter.recipients,
            };
            let (strangers, now) = (self.engine.greylist(), self.engine.now());
            if strangers.meet(&comer, self.seconds, now) {
                return Ok(Finding::default());
            }
            let minutes = self.seconds.div_ceil(60);
            let text = format!("We have not met before: come again in {minutes} minutes");
            Ok(Finding {
                decision: Decision::Defer(Refusal::new("7.1", &text)),
                facts: vec![("greylisted", self.seconds.to_string())],
                ..Finding::default()
            })
        })
    }
}

fn knows(engine: &Engine, letter: &Examination) -> Result<bool, EngineError> {
    let fields = header::fields(&letter.header);
    let mut from = fields.filter(|field| field.name.eq_ignore_ascii_case(b"from"));
    let author = from.next().and_then(|field| people(field.value).next());
    match author {
        Some(author) => engine.is_known_to_any(&letter.recipients, &author.address),
        None => Ok(false),
    }
}
