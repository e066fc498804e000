//! A milter that follows one connection from its beginning: what it was told, and what its words
//! mean for what comes.
//!
//! Where it fails it is left out or waited for, as the administrator wants: a connection and a
//! greeting are let through in any case, since the next letter tries it again. Start at
//! [`Following::told`].

use super::dialogue::{CONNECT, Dialogue, Ended, GREETING, RECIPIENT, SENDER};
use super::packet::{Response, texts};
use super::{put_aside, refusal, rewritten};
use crate::examination::Looking;
use crate::examination::attendance::{Follower, Hearing, Parting};
use crate::examination::outside::Reader;
use crate::examination::settings::{Failure, MilterSettings};
use engine::examination::stage::{Caller, Greeting, Sender, Stage};
use engine::examination::{Decision, Examination, Examined, Finding, Refusal};
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::timeout;

/// How long a milter may take to accept a connection and to say what it wants: it is near.
const OPENING: Duration = Duration::from_secs(5);
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// One milter on one connection.
pub struct Following {
    pub(super) settings: MilterSettings,
    reader: Reader,
    /// Who is there, once that was told.
    caller: Option<Caller>,
    greeting: Option<Greeting>,
    link: Link,
    letter: Letter,
    /// The letter's name, once it has one.
    name: String,
}

/// The connection to the milter.
enum Link {
    /// There is none, or it broke.
    None,
    Open(Dialogue),
    /// The milter wants to hear no more of this peer.
    Dismissed,
}

/// What the milter knows of the letter that was begun.
#[derive(Default)]
enum Letter {
    /// None was begun.
    #[default]
    None,
    /// It hears of it.
    Open,
    /// It wants to hear no more of it: it is fine.
    Passed,
    /// It is to be lost in silence.
    Discarded,
    /// It was told of a part only.
    Failed(String),
}

impl Following {
    /// A connection to come.
    pub fn new(settings: MilterSettings, reader: Reader) -> Self {
        Self {
            settings,
            reader,
            caller: None,
            greeting: None,
            link: Link::None,
            letter: Letter::None,
            name: String::new(),
        }
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(self.settings.seconds.max(1))
    }

    /// Tells the milter; what it says of that.
    ///
    /// Errors: a line that says how it failed; then the connection to it is of no more use.
    async fn told(&mut self, stage: &Stage) -> Result<Decision, String> {
        match stage {
            Stage::Connected(caller) => {
                self.caller = Some(caller.clone());
                self.open().await
            }
            Stage::Greeted(greeting) => {
                self.give_up_letter().await?;
                self.greeting = Some(greeting.clone());
                self.greet().await
            }
            Stage::Sender(sender) => {
                self.give_up_letter().await?;
                self.begin(sender).await
            }
            Stage::Recipient(address) => self.add(address).await,
        }
    }

    async fn open(&mut self) -> Result<Decision, String> {
        let Some(caller) = &self.caller else {
            return Ok(Decision::Accept);
        };
        let opening = timeout(OPENING, Dialogue::open(&self.settings.address));
        let late = |_| Err("milter: it does not answer".to_owned());
        let mut dialogue = opening.await.unwrap_or_else(late)?;
        let address = caller.address.map(|address| address.to_string());
        let address = address.as_deref().unwrap_or("localhost");
        let bracketed = bracketed(address);
        let port = caller.port.to_string();
        let called = caller.called.map(|address| address.to_string());
        let facts = [
            ("j", &*self.reader.engine().settings().hostname),
            ("{daemon_name}", "facteur"),
            ("{client_name}", &bracketed),
            ("{client_addr}", address),
            ("{client_port}", &port),
            ("{if_addr}", called.as_deref().unwrap_or_default()),
        ];
        let said = dialogue.step(CONNECT, &facts, &connection(caller)).await?;
        self.link = Link::Open(dialogue);
        Ok(self.of_connection(&said))
    }

    async fn greet(&mut self) -> Result<Decision, String> {
        let (Link::Open(dialogue), Some(greeting)) = (&mut self.link, &self.greeting) else {
            return Ok(Decision::Accept);
        };
        let facts = greeting
            .tls
            .map(|(version, cipher)| [("{tls_version}", version), ("{cipher}", cipher)]);
        let facts = facts.as_ref().map_or(&[][..], |facts| facts);
        let name = texts(&[&greeting.name]);
        let said = dialogue.step(GREETING, facts, &name).await?;
        Ok(self.of_connection(&said))
    }

    /// A letter begins; the milter is called again where it was away.
    async fn begin(&mut self, sender: &Sender) -> Result<Decision, String> {
        if matches!(self.link, Link::None) {
            let mut decision = self.open().await?;
            if decision == Decision::Accept {
                decision = self.greet().await?;
            }
            if decision != Decision::Accept {
                self.link = Link::None;
                return Ok(decision);
            }
        }
        self.name.clone_from(&sender.letter);
        let Link::Open(dialogue) = &mut self.link else {
            return Ok(Decision::Accept);
        };
        let mut facts = vec![("i", &*sender.letter), ("{mail_addr}", &*sender.address)];
        if let Some(user) = &sender.submitter {
            // Which mechanism it was nobody keeps; that there was one is what milters ask for.
            facts.extend([("{auth_type}", "SASL"), ("{auth_authen}", &*user.address)]);
        }
        let path = texts(&[&format!("<{}>", sender.address)]);
        let said = dialogue.step(SENDER, &facts, &path).await?;
        self.letter = Letter::Open;
        let decision = self.of_letter(&said);
        if decision != Decision::Accept {
            self.letter = Letter::None; // For the milter, too, it has ended with that.
        }
        Ok(decision)
    }

    async fn add(&mut self, address: &str) -> Result<Decision, String> {
        if let (Letter::Failed(_), Failure::Defer) = (&self.letter, self.settings.failure) {
            return Ok(later());
        }
        let (Letter::Open, Link::Open(dialogue)) = (&self.letter, &mut self.link) else {
            return Ok(Decision::Accept);
        };
        let facts = [("i", &*self.name), ("{rcpt_addr}", address)];
        let path = texts(&[&format!("<{address}>")]);
        let said = dialogue.step(RECIPIENT, &facts, &path).await?;
        Ok(self.of_letter(&said))
    }

    /// What a word at the beginning of the connection means.
    fn of_connection(&mut self, said: &Response) -> Decision {
        match said {
            Response::Refuse(line) => return refusal(line),
            Response::Accept => self.link = Link::Dismissed,
            _ => {}
        }
        Decision::Accept
    }

    /// What a word about sender or recipient means; a refusal concerns only who was told last.
    fn of_letter(&mut self, said: &Response) -> Decision {
        match said {
            Response::Refuse(line) => return refusal(line),
            Response::Accept => self.letter = Letter::Passed,
            Response::Discard => self.letter = Letter::Discarded,
            _ => {}
        }
        Decision::Accept
    }

    /// What was begun has come to nothing.
    async fn give_up_letter(&mut self) -> Result<(), String> {
        if let (Letter::Open, Link::Open(dialogue)) = (&self.letter, &mut self.link) {
            dialogue.abort().await?;
        }
        self.letter = Letter::None;
        Ok(())
    }

    /// The milter has failed at this stage.
    fn failed(&mut self, stage: &Stage, why: String) -> Decision {
        tracing::warn!(why, "a milter does not follow");
        self.link = Link::None;
        if let Stage::Connected(_) | Stage::Greeted(_) = stage {
            return Decision::Accept;
        }
        self.letter = Letter::Failed(why);
        match self.settings.failure {
            Failure::Accept => Decision::Accept,
            Failure::Defer => later(),
        }
    }

    async fn look(&mut self, letter: &Examination) -> Result<Finding, String> {
        if self.caller.is_none() {
            let decision = self.catch_up(letter).await?;
            if decision != Decision::Accept {
                return Ok(refused(decision));
            }
        }
        match std::mem::take(&mut self.letter) {
            Letter::None | Letter::Passed => Ok(Finding::default()),
            Letter::Discarded => Ok(put_aside("discard")),
            Letter::Failed(why) => Err(why),
            Letter::Open => self.end(letter).await,
        }
    }

    /// Tells at once what was not followed.
    async fn catch_up(&mut self, letter: &Examination) -> Result<Decision, String> {
        let mut stages = vec![
            Stage::Connected(Caller {
                address: letter.peer,
                port: 0,
                called: None,
                submits: letter.submitter.is_some(),
            }),
            Stage::Greeted(Greeting {
                name: letter.greeting.clone(),
                tls: None,
            }),
            Stage::Sender(Sender {
                letter: self.reader.engine().new_letter_name(),
                address: letter.sender.clone(),
                submitter: letter.submitter.clone(),
            }),
        ];
        stages.extend(letter.recipients.iter().cloned().map(Stage::Recipient));
        for stage in &stages {
            let decision = self.told(stage).await?;
            if decision != Decision::Accept {
                return Ok(decision);
            }
        }
        Ok(Decision::Accept)
    }

    async fn end(&mut self, letter: &Examination) -> Result<Finding, String> {
        let Link::Open(dialogue) = &mut self.link else {
            return Ok(Finding::default());
        };
        let facts = [("i", &*self.name)];
        let edit = match dialogue.letter(letter, &facts, &self.reader).await? {
            Ended::Said(Response::Refuse(line)) => return Ok(refused(refusal(&line))),
            Ended::Said(Response::Discard) => return Ok(put_aside("discard")),
            Ended::Said(_) => return Ok(Finding::default()),
            Ended::Changed(edit) => edit,
        };
        let mut finding = if edit.is_quarantined {
            put_aside("quarantine")
        } else {
            Finding::default()
        };
        finding.lines.clone_from(&edit.lines);
        if edit.is_rewriting() {
            let (engine, letter) = (self.reader.engine().clone(), letter.clone());
            let write = move || rewritten(&engine, &letter, &edit);
            let new = self.reader.pool().run(None, write).await;
            let new = new.map_err(|_| "the server stops".to_owned())?;
            finding.rewritten = Some(new.map_err(|error| error.to_string())?);
        }
        Ok(finding)
    }
}

impl Follower for Following {
    fn hear<'a>(&'a mut self, stage: &'a Stage) -> Hearing<'a> {
        Box::pin(async move {
            let heard = timeout(self.limit(), self.told(stage)).await;
            match heard.unwrap_or_else(|_| Err("milter: it took too long".to_owned())) {
                Ok(decision) => decision,
                Err(why) => self.failed(stage, why),
            }
        })
    }

    fn examine<'a>(&'a mut self, letter: &'a Examination, _: &'a Examined) -> Looking<'a> {
        Box::pin(async move {
            let found = timeout(self.limit(), self.look(letter)).await;
            let found = found.unwrap_or_else(|_| Err("milter: it took too long".to_owned()));
            let Err(why) = found else { return found };
            (self.link, self.letter) = (Link::None, Letter::None);
            match self.settings.failure {
                Failure::Accept => Err(why),
                Failure::Defer => Ok(Finding {
                    decision: later(),
                    facts: vec![("milter", why)],
                    ..Finding::default()
                }),
            }
        })
    }

    fn part(&mut self) -> Parting<'_> {
        Box::pin(async move {
            let farewell = async {
                let given_up = self.give_up_letter().await;
                let link = std::mem::replace(&mut self.link, Link::None);
                if let (Link::Open(dialogue), Ok(())) = (link, given_up) {
                    dialogue.quit().await;
                }
            };
            _ = timeout(FAREWELL, farewell).await;
        })
    }
}

fn later() -> Decision {
    Decision::Defer(Refusal::new("3.0", "Try again later"))
}

fn refused(decision: Decision) -> Finding {
    Finding {
        decision,
        facts: vec![("milter", "refused".to_owned())],
        ..Finding::default()
    }
}

fn bracketed(address: &str) -> String {
    format!("[{address}]")
}

/// The peer's name, which is its address in brackets, and its address.
fn connection(caller: &Caller) -> Vec<u8> {
    let Some(peer) = caller.address else {
        return [&texts(&["localhost"])[..], b"U"].concat();
    };
    let family = if matches!(peer, IpAddr::V4(_)) {
        b"4"
    } else {
        b"6"
    };
    let address = peer.to_string();
    let (name, port) = (texts(&[&bracketed(&address)]), caller.port.to_be_bytes());
    [&name[..], family, &port, &texts(&[&address])].concat()
}
