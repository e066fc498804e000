//! Forwarding and vacation by command: the few rules that most people need, without writing a
//! script.
//!
//! They are kept as what they are and as the script that they come to, which letters go through
//! before the one that their owner wrote. So there is one way that a letter goes, and one place
//! that decides what vacation may answer.
//!
//! Start at [`Engine::set_rules`].

use crate::account::scripts;
use crate::directory::Address;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::record::{Reader, Writer};
use bytes::Bytes;
use formats::script::compare::date_part;
use std::fmt::Write;
use store::backend::Pending;
use store::id::{AccountId, Timestamp};
use store::model::{Binding, Location, OverlayInput, OverlayObject, OverlayValue, Reads, Value};

/// Addresses that an account may forward to.
const FORWARDS_MAX: usize = 10;
/// Bytes of a vacation's text.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// What becomes of all letters of an account, before its script.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// Letters are sent on to these addresses.
    pub forwards: Vec<String>,
    /// And stay here, too. Without forwards they always do.
    pub keeps_copy: bool,
    /// Senders are told that the owner is away.
    pub vacation: Option<Vacation>,
}

/// What senders are told, and when.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vacation {
    /// Empty for the letter's own subject with `Auto:` before it.
    pub subject: String,
    /// The text.
    pub text: String,
    /// From when on; at once if not given.
    pub from: Option<Timestamp>,
    /// Until when, this moment excluded; for ever if not given.
    pub until: Option<Timestamp>,
    /// Days between two replies to one sender.
    pub days: u32,
}

impl Rules {
    /// True when there is nothing to be done.
    pub fn is_empty(&self) -> bool {
        self.forwards.is_empty() && self.vacation.is_none()
    }

    /// The script that they come to.
    pub fn script(&self) -> String {
        let mut script = String::from(
            "require [\"copy\", \"vacation\", \"date\", \"relational\", \"comparator-i;ascii-numeric\"];\r\n",
        );
        if let Some(vacation) = &self.vacation {
            vacation.write(&mut script);
        }
        for address in &self.forwards {
            let tag = if self.keeps_copy { ":copy " } else { "" };
            _ = write!(script, "redirect {tag}{};\r\n", quoted(address));
        }
        script
    }

    fn check(&self) -> Result<Self, EngineError> {
        if self.forwards.len() > FORWARDS_MAX {
            return Err(EngineError::TooMany("addresses to forward to"));
        }
        let too_long = |v: &Vacation| v.text.len() + v.subject.len() > TEXT_BYTES_MAX;
        if self.vacation.as_ref().is_some_and(too_long) {
            return Err(EngineError::TooLong);
        }
        let forwards = self
            .forwards
            .iter()
            .map(|to| Ok(Address::parse(to)?.to_string()));
        Ok(Self {
            forwards: forwards.collect::<Result<_, EngineError>>()?,
            ..self.clone()
        })
    }

    fn encode(&self) -> Bytes {
        let mut out = Writer::new();
        out.list(&self.forwards, |out, address| {
            out.text(address);
        });
        out.flag(self.keeps_copy);
        out.list(self.vacation.as_slice(), |out, vacation| {
            out.text(&vacation.subject).text(&vacation.text);
            let signed = |moment: Option<Timestamp>| moment.map_or(0, |moment| moment.0);
            out.signed(signed(vacation.from))
                .signed(signed(vacation.until));
            out.number(u64::from(vacation.days));
        });
        out.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, EngineError> {
        let mut input = Reader::new(bytes)?;
        let moment = |number: i64| Some(Timestamp(number)).filter(|moment| moment.0 != 0);
        Ok(Self {
            forwards: input.list(Reader::text)?,
            keeps_copy: input.flag()?,
            vacation: input
                .list(|input| {
                    Ok(Vacation {
                        subject: input.text()?,
                        text: input.text()?,
                        from: moment(input.signed()?),
                        until: moment(input.signed()?),
                        days: input.number32()?,
                    })
                })?
                .pop(),
        })
    }
}

impl Vacation {
    fn write(&self, script: &mut String) {
        let mut tests = Vec::new();
        for (moment, relation) in [(self.from, "ge"), (self.until, "lt")] {
            let Some(moment) = moment else { continue };
            let date = formats::date::Date {
                seconds: moment.seconds(),
                zone_minutes: 0,
            };
            let text = date_part(date, "iso8601").unwrap_or_default();
            // Dates of this form are ordered as their characters are.
            tests.push(format!(
                "currentdate :zone \"+0000\" :value \"{relation}\" \"iso8601\" {}",
                quoted(&text)
            ));
        }
        tests.push("true".to_owned());
        _ = write!(
            script,
            "if allof ({}) {{ vacation :days {} ",
            tests.join(", "),
            self.days.max(1)
        );
        if !self.subject.is_empty() {
            _ = write!(script, ":subject {} ", quoted(&self.subject));
        }
        _ = write!(script, "{}; }}\r\n", quoted(&self.text));
    }
}

/// A quoted string of a script. Source: RFC 5228 §2.4.2.
fn quoted(text: &str) -> String {
    let text: String = text.chars().filter(|&c| c != '\0').collect();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl Engine {
    /// The rules of an account.
    pub fn rules(&self, account: AccountId) -> Result<Rules, EngineError> {
        let view = self.store().view(account)?;
        let known = scripts::list(&view, account)?;
        let Some(stored) = known.iter().find(|script| script.name.is_empty()) else {
            return Ok(Rules::default());
        };
        let property = view.number_of(account, &scripts::property("rules"))?;
        let values = view.overlay(account, stored.row.item.0, &[])?;
        let found = values
            .into_iter()
            .find(|value| Some(value.property) == property);
        match found.map(|value| value.value) {
            Some(Value::Binary(bytes)) => Rules::decode(&bytes),
            Some(Value::BinaryBody(body, len)) => {
                Rules::decode(&self.store().read_body(body, 0..len)?)
            }
            _ => Ok(Rules::default()),
        }
    }

    /// Replaces the rules of an account.
    ///
    /// Errors: [`EngineError::NameRefused`] for what is no address, [`EngineError::TooMany`],
    /// [`EngineError::TooLong`].
    pub fn set_rules(&self, account: AccountId, rules: &Rules) -> Result<Pending<()>, EngineError> {
        let rules = rules.check()?;
        let mut upload = self.upload()?;
        upload.write(rules.script().as_bytes())?;
        let text = upload.finish()?;
        let owner = self.account_as_server(account);
        owner.write(|txn| {
            if rules.is_empty() {
                return txn.remove_rules();
            }
            let at = txn.put_any_script("", &text)?;
            txn.keep_rules(at, rules.encode())
        })
    }
}

impl crate::account::Txn<'_, '_> {
    fn keep_rules(&mut self, at: Location, rules: Bytes) -> Result<(), EngineError> {
        let account = self.account.id();
        let property = self.txn.intern(account, &scripts::property("rules"))?;
        let value = OverlayValue {
            property,
            value: Value::Binary(rules),
            binding: Binding::Free,
        };
        let change = [OverlayInput::Set(value)];
        Ok(self
            .txn
            .set_overlay(account, OverlayObject::Item(at), &[], &change)?)
    }

    fn remove_rules(&mut self) -> Result<(), EngineError> {
        let account = self.account.id();
        let known = scripts::list(self.txn, account)?;
        match known.iter().find(|script| script.name.is_empty()) {
            Some(stored) => Ok(self.txn.purge_item(account, stored.at)?),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use formats::script::{Limits, Script};

    fn rules() -> Rules {
        Rules {
            forwards: vec!["a@b.test".to_owned()],
            keeps_copy: true,
            vacation: Some(Vacation {
                subject: "\"away\" \\o/".to_owned(),
                text: "line\r\n.\r\n\"}".to_owned(),
                from: Some(Timestamp::from_seconds(86_400)),
                until: None,
                days: 3,
            }),
        }
    }

    #[test]
    fn rules_come_back_as_they_were() {
        assert_eq!(Rules::decode(&rules().encode()).unwrap(), rules());
        assert_eq!(
            Rules::decode(&Rules::default().encode()).unwrap(),
            Rules::default()
        );
    }

    #[test]
    fn rules_come_to_a_script_whatever_their_texts_hold() {
        let source = rules().script();
        assert!(
            Script::parse(source.as_bytes(), &Limits::default()).is_ok(),
            "{source}"
        );
    }
}
