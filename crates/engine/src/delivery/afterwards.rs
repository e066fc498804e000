//! Letters that lie in a mailbox already go through the script of their folder when something
//! happens to them.
//!
//! Each event is one run of the script and at most one commit. Letters never change: a script may
//! mark them, copy them and send them on; what it edits is seen in copies only, and what it does not
//! keep is marked for removal. Whatever fails leaves the letter as it is and is told to the log.
//!
//! Start at [`Engine::run_waiting_scripts`]; `account::event` notes what happens.
//!
//! Source: RFC 6785 §3.

use super::filtering::{self, Deed, Occasion, Sorted};
use super::onward;
use super::place::Plan;
use super::surroundings::AccountSurroundings;
use super::{Arrival, Envelope, Failing, Recipient, deeds};
use crate::account::event::{Event, flag_names, script_name};
use crate::account::{MAIL_ROOT, Message, has_room, scripts};
use crate::directory::{Mailbox, Resolution};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::filter::{self, Action, Budget, Circumstances, Content, Filing, Happening, Version};
use crate::queue::{Notify, Return, Wishes};
use crate::spam::percent_told;
use crate::upload::Staged;
use bytes::Bytes;
use formats::script::Script;
use std::ops::Range;
use std::sync::Arc;
use store::id::{AccountId, FolderId};
use store::model::{
    Details, FlagChange, FlagSet, Flags, ItemRow, Origin, Reads, Receipt, Role, Txn, View,
};

/// Bytes that are copied at once.
const COPY_BYTES: u64 = 256 * 1024;
/// Levels of a folder's name that are looked at; there are fewer.
const LEVELS_MAX: usize = 64;

/// What came of the scripts that waited.
#[derive(Debug, Default)]
pub struct Ran {
    /// Events that were taken.
    pub count: usize,
    /// What the log should know.
    pub notes: Vec<String>,
}

impl Engine {
    /// Runs the scripts for what happened to letters in mailboxes, at most so many times.
    ///
    /// May read and write the disk. A script that fails, or a store that does, is told among the
    /// notes; its letter stays as it is.
    pub fn run_waiting_scripts(&self, most: usize) -> Ran {
        let mut ran = Ran::default();
        let passed_over = self.events().take_passed_over();
        if passed_over > 0 {
            let note =
                format!("too much happened at once: {passed_over} letters went through no script");
            ran.notes.push(note);
        }
        while ran.count < most
            && let Some((settlement, event)) = self.events().take()
        {
            ran.count += 1;
            // What is not on disk did not happen.
            if settlement.wait().is_err() {
                continue;
            }
            let account = event.account.0;
            match react(self, &event) {
                Ok(notes) => ran.notes.extend(notes),
                Err(error) => ran.notes.push(format!("account {account}: {error}")),
            }
        }
        ran
    }
}

/// A letter to which something happened, with the script that is to be run.
struct Case<'a> {
    engine: &'a Engine,
    event: &'a Event,
    row: ItemRow,
    details: Details,
    message: Message,
    script: Arc<Script>,
    owner: Mailbox,
}

fn react(engine: &Engine, event: &Event) -> Result<Vec<String>, EngineError> {
    let view = engine.store().view(event.account)?;
    let Some(case) = Case::find(engine, event, &view)? else {
        return Ok(Vec::new());
    };
    let circumstances = case.circumstances(&view)?;
    let around = AccountSurroundings {
        engine,
        view: &view,
        account: event.account,
        now: circumstances.now,
    };
    let budget = Budget::default();
    let outcome = filter::run(&case.script, &case, &circumstances, &around, budget);
    drop(view);
    let mut notes = outcome.notes;
    match outcome.failure {
        Some(why) => notes.push(format!(
            "the script for letters that lie here failed: {why}"
        )),
        None => notes.extend(case.apply(&circumstances, outcome.actions)?),
    }
    let address = &case.owner.address;
    Ok(notes
        .into_iter()
        .map(|note| format!("{address}: {note}"))
        .collect())
}

impl<'a> Case<'a> {
    /// `None` where there is nothing to do: the letter is gone, or no script is meant.
    fn find(
        engine: &'a Engine,
        event: &'a Event,
        view: &View<'_>,
    ) -> Result<Option<Self>, EngineError> {
        let account = event.account;
        let Some(row) = view.item_row(account, event.at)? else {
            return Ok(None);
        };
        let Some(details) = view.details(account, row.item)? else {
            return Ok(None);
        };
        let Some(name) = script_name(view, account, event.at.folder)? else {
            return Ok(None);
        };
        let mut known = scripts::list(view, account)?.into_iter();
        let Some(stored) = known.find(|script| script.name == name) else {
            return Ok(None);
        };
        let Some(script) = engine.scripts().read(engine, &stored.row)? else {
            return Ok(None);
        };
        let mailbox = engine.account_as_server(account);
        let message = mailbox.message_with_prefix(&row, details.prefix.clone());
        let owner = Mailbox {
            account,
            address: address_of(engine, account)?,
            tag: None,
        };
        Ok(Some(Self {
            engine,
            event,
            row,
            details,
            message,
            script,
            owner,
        }))
    }

    fn circumstances(&self, view: &View<'_>) -> Result<Circumstances, EngineError> {
        let (engine, account) = (self.engine, self.event.account);
        let happening = Happening {
            cause: self.event.cause.clone(),
            user: address_of(engine, self.event.actor)?,
            mailbox: name_of(view, account, self.event.at.folder)?,
            flags: flag_names(view, account, &self.row.flag_set())?,
        };
        let entry = engine.directory().account(account)?;
        let record = entry.as_ref().map(|entry| &entry.record);
        let mut own_addresses = vec![self.owner.address.clone()];
        own_addresses.extend(record.iter().flat_map(|r| r.other_addresses.clone()));
        let settings = engine.settings();
        Ok(Circumstances {
            address: self.owner.address.clone(),
            own_addresses,
            owner: record.map_or_else(String::new, |r| r.display_name.clone()),
            hostname: settings.hostname.clone(),
            tag_separator: settings.tag_separator,
            spam_percent: percent_told(&self.details.prefix),
            now: engine.now(),
            prefix: self.details.prefix.clone(),
            happening: Some(happening),
            ..Circumstances::default()
        })
    }

    /// Does what the script wants.
    fn apply(
        &self,
        circumstances: &Circumstances,
        actions: Vec<Action>,
    ) -> Result<Vec<String>, EngineError> {
        let mut wanted = Wanted::of(actions);
        let seen = circumstances.happening.as_ref().map(|h| &h.flags);
        if wanted.copies.is_empty() && wanted.others.is_empty() && wanted.flags.as_ref() == seen {
            return Ok(Vec::new());
        }
        let envelope = self.envelope();
        let others = std::mem::take(&mut wanted.others);
        let letter = if others.is_empty() {
            self.engine.upload()?.finish()?
        } else {
            self.staged()?
        };
        let mut plan = Plan::new(self.engine, &envelope, &letter);
        let mut notes = Vec::new();
        if !others.is_empty() {
            wanted.take(self.deeds(&mut plan, &envelope, &letter, others, &mut notes)?);
        }
        notes.extend(std::mem::take(&mut plan.notes));
        let mut accounts = plan.accounts();
        accounts.push(self.event.account);
        accounts.sort_unstable();
        accounts.dedup();
        let origin = Origin {
            session: 0,
            actor: self.event.account,
        };
        let store = self.engine.store();
        let written = store.write(&accounts, origin, |txn| self.carry_out(&plan, txn, &wanted));
        written?.wait()?;
        Ok(notes)
    }

    /// Makes plans of what is more than marking and copying.
    fn deeds(
        &self,
        plan: &mut Plan<'_>,
        envelope: &Envelope,
        letter: &Staged,
        actions: Vec<Action>,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Deed>, EngineError> {
        let recipient = Recipient {
            address: self.owner.address.clone(),
            resolution: Arc::new(Resolution::Unknown),
            notify: Notify::USUAL,
            original: None,
        };
        let occasion = Occasion {
            engine: self.engine,
            envelope,
            recipient: &recipient,
            mailbox: &self.owner,
            letter,
            prefix: "",
            spam: None,
            in_dialogue: false,
            now: plan.now,
        };
        let mut sorted = Sorted::default();
        filtering::prepare(&occasion, actions, &mut sorted)?;
        notes.append(&mut sorted.notes);
        let deeds = sorted.deeds.unwrap_or_default();
        Ok(onward::lead_on(plan, &recipient, &self.owner, deeds))
    }

    /// What is sent on is sent by the owner (RFC 6785 §3.4).
    fn envelope(&self) -> Envelope {
        Envelope {
            sender: self.owner.address.clone(),
            recipients: Vec::new(),
            envelope_id: None,
            returning: Return::default(),
            needs_utf8: !self.owner.address.is_ascii(),
            wishes: Wishes::default(),
            submitter: None,
            arrival: Arrival {
                greeting: self.engine.settings().hostname.clone(),
                way: "local",
                ..Arrival::default()
            },
            failing: Failing::Single,
        }
    }

    /// The letter as it came, without the lines that were put before it here.
    fn staged(&self) -> Result<Staged, EngineError> {
        let mut upload = self.engine.upload()?;
        let mut at = 0;
        while at < self.size() {
            let piece = self.read(at..at + COPY_BYTES)?;
            if piece.is_empty() {
                break;
            }
            upload.write(&piece)?;
            at += piece.len() as u64;
        }
        upload.finish()
    }

    /// May be run again after a conflict.
    fn carry_out(
        &self,
        plan: &Plan<'_>,
        txn: &mut Txn<'_>,
        wanted: &Wanted,
    ) -> Result<(), EngineError> {
        let (account, at) = (self.event.account, self.event.at);
        if txn.item_row(account, at)?.is_none() {
            return Ok(()); // Gone meanwhile, and with it the wish.
        }
        let mut stays = wanted.stays;
        for filing in &wanted.copies {
            stays |= self.copy(plan, txn, filing)?.is_none();
        }
        deeds::carry_out(plan, txn, &self.owner, &wanted.deeds)?;
        let old = self.row.flag_set();
        let mut change = FlagSet::default();
        let mut cleared = FlagSet::default();
        if let Some(names) = &wanted.flags {
            let new = deeds::flag_set(plan, txn, account, names)?;
            change.flags = new.flags & !old.flags;
            change.keywords = new.keywords.without(&old.keywords);
            cleared.flags = old.flags & !new.flags;
            cleared.keywords = old.keywords.without(&new.keywords);
        }
        if !stays {
            change.flags = change.flags | Flags::DELETED;
        }
        let change = FlagChange::Alter {
            add: change,
            remove: cleared,
        };
        txn.set_flags(account, at, &change)?;
        Ok(())
    }

    /// Puts a copy into another mailbox; `None` if there is no such mailbox or no room, so that the
    /// letter must stay.
    fn copy(
        &self,
        plan: &Plan<'_>,
        txn: &mut Txn<'_>,
        filing: &Filing,
    ) -> Result<Option<Receipt>, EngineError> {
        let account = self.event.account;
        let state = txn.account_row(account)?.unwrap_or_default();
        let folder = deeds::folder_of(plan, txn, account, filing)?;
        let folder = folder.filter(|folder| *folder != self.event.at.folder);
        let Some(folder) = folder else {
            return Ok(None);
        };
        if !has_room(txn, account, &state, self.row.size)? {
            return Ok(None);
        }
        let receipt = txn.copy_item(account, self.event.at, account, folder)?;
        if let Some(names) = &filing.flags {
            let flags = deeds::flag_set(plan, txn, account, names)?;
            txn.set_flags(account, receipt.at, &FlagChange::Replace(flags))?;
        }
        Ok(Some(receipt))
    }
}

impl Content for Case<'_> {
    fn size(&self) -> u64 {
        self.message.len().saturating_sub(self.message.prefix_len())
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes, EngineError> {
        let shift = |at: u64| at.saturating_add(self.message.prefix_len());
        self.message.read(shift(range.start)..shift(range.end))
    }
}

/// What a script wants done with a letter that lies in a mailbox.
#[derive(Default)]
struct Wanted {
    /// The flags that it is to have; `None` if it is not kept.
    flags: Option<Vec<String>>,
    /// It is not marked for removal.
    stays: bool,
    /// Where copies of it go.
    copies: Vec<Filing>,
    /// Everything else, as the script says it.
    others: Vec<Action>,
    /// The same, ready to be carried out.
    deeds: Vec<Deed>,
}

impl Wanted {
    fn of(actions: Vec<Action>) -> Self {
        let mut wanted = Self::default();
        for action in actions {
            match action {
                // What was edited cannot be kept: letters never change (RFC 6785 §3.1).
                Action::Keep { flags, .. } => {
                    wanted.flags = Some(flags.unwrap_or_default());
                    wanted.stays = true;
                }
                Action::FileInto {
                    filing,
                    version: Version::Original,
                } => wanted.copies.push(filing),
                other => wanted.others.push(other),
            }
        }
        wanted
    }

    /// Takes what is ready; what can go no further stays where it is.
    fn take(&mut self, deeds: Vec<Deed>) {
        for deed in deeds {
            match deed {
                Deed::Store { filing: None, .. } => self.stays = true,
                deed => self.deeds.push(deed),
            }
        }
    }
}

/// The address of an account; empty if it is gone.
fn address_of(engine: &Engine, account: AccountId) -> Result<String, EngineError> {
    let entry = engine.directory().account(account)?;
    Ok(entry.map_or_else(String::new, |entry| entry.record.address.clone()))
}

/// A folder's name as mail programs and scripts know it.
fn name_of(reads: &dyn Reads, account: AccountId, folder: FolderId) -> Result<String, EngineError> {
    let (mut names, mut at) = (Vec::new(), Some(folder));
    while let Some(id) = at.filter(|id| *id != MAIL_ROOT && names.len() < LEVELS_MAX) {
        let Some(row) = reads.folder(account, id)? else {
            break;
        };
        at = row.parent;
        names.push(match row.role {
            Role::Inbox => "INBOX".to_owned(),
            _ => row.name,
        });
    }
    names.reverse();
    Ok(names.join("/"))
}
