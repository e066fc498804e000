//! Which letter goes where: the plan is made before the commit, and carried out within it.

use super::filtering::{self, Deed, Occasion};
use super::onward::{self, Trail};
use super::{Delivered, Envelope, Outcome, Recipient, deeds, forwarding, trace};
use crate::account::MAIL_ROOT;
use crate::directory::{Mailbox, Resolution};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::queue::{HERE, Late, QueuedLetter, QueuedRecipient};
use crate::search::thread::conversation_names;
use crate::spam::Assessment;
use crate::upload::Staged;
use bytes::Bytes;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use store::id::{AccountId, FolderId, Timestamp};
use store::model::{Body, NewItem, QueueItem, Reads, Receipt, Role, Txn};

/// Bytes of recipients in one queue entry; more recipients make more entries. A record holds 30
/// KiB.
const RECIPIENTS_BYTES_MAX: usize = 16 * 1024;
/// Bytes of what examiners said that go with a letter elsewhere; the record has room for no more.
const EXAMINED_BYTES_MAX: usize = 1024;
/// Bytes of a queued recipient besides its texts.
const RECIPIENT_BYTES: usize = 16;
const SECONDS_PER_DAY: i64 = 24 * 3600;
/// The inbox of an account: the first folder below the top of the mail tree.
const INBOX: FolderId = FolderId(MAIL_ROOT.0 + 1);

/// What is to be done for one recipient.
enum Task {
    /// Copies for these mailboxes; perhaps the queue sends it on, too.
    Copies(Vec<Parcel>),
    /// Only the queue.
    Queue,
    /// Nothing.
    Refuse(EngineError),
}

/// A letter for one mailbox.
pub(super) struct Parcel {
    pub mailbox: Mailbox,
    /// What the owner's scripts want done; `None` without a script.
    pub deeds: Option<Vec<Deed>>,
}

/// Everything that a commit will do, worked out outside of it.
pub(crate) struct Plan<'a> {
    pub(super) engine: &'a Engine,
    pub(super) envelope: Cow<'a, Envelope>,
    letter: Staged,
    pub(super) name: String,
    return_path: String,
    pub(super) received: String,
    tasks: Vec<Task>,
    queued: Vec<QueuedRecipient>,
    /// Recipients here whose letter is held for them in the queue.
    held: Vec<QueuedRecipient>,
    /// Likewise, for letters that are passed on with a sender of their own.
    passed_on: BTreeMap<String, Vec<QueuedRecipient>>,
    /// What leads to the letter's conversation, in each mailbox.
    names: Vec<u64>,
    pub(super) notes: Vec<String>,
    /// Letters that scripts send to others here.
    pub(super) onward: Vec<Self>,
    trail: Trail,
    /// The sums as accounts see them that do not see it like everyone.
    own_sums: BTreeMap<AccountId, Assessment>,
    pub(super) now: Timestamp,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(engine: &'a Engine, envelope: &'a Envelope, letter: &'a Staged) -> Self {
        Self::along(
            engine,
            Cow::Borrowed(envelope),
            letter.clone(),
            Trail::default(),
        )
    }

    /// The same for a letter that a script sends to someone here.
    pub(super) fn along(
        engine: &'a Engine,
        envelope: Cow<'a, Envelope>,
        letter: Staged,
        trail: Trail,
    ) -> Self {
        let now = engine.now();
        let known = envelope.arrival.letter.clone();
        let name = known.unwrap_or_else(|| engine.new_letter_name());
        let only = match envelope.recipients.as_slice() {
            [only] => Some(only.address.as_str()),
            _ => None,
        };
        let hostname = &engine.settings().hostname;
        let received = trace::received(&envelope.arrival, hostname, &name, only, now);
        let return_path = trace::return_path(&envelope.sender);
        let names = conversation_names(letter.summary());
        let recipients = envelope.recipients.clone();
        let mut plan = Self {
            engine,
            envelope,
            letter,
            name,
            return_path,
            received,
            tasks: Vec::new(),
            queued: Vec::new(),
            held: Vec::new(),
            passed_on: BTreeMap::new(),
            names,
            notes: Vec::new(),
            onward: Vec::new(),
            trail,
            own_sums: BTreeMap::new(),
            now,
        };
        let mut reached = HashSet::new();
        for recipient in &recipients {
            let task = plan.task(recipient, &mut reached);
            plan.tasks.push(task);
        }
        plan
    }

    fn task(&mut self, recipient: &Recipient, reached: &mut HashSet<AccountId>) -> Task {
        match &*recipient.resolution {
            Resolution::Unknown => Task::Refuse(EngineError::NoSuchAddress),
            Resolution::Remote(canonical) => {
                self.queue(&as_written(&recipient.address, canonical), recipient);
                Task::Queue
            }
            Resolution::Local {
                mailboxes,
                forwards,
            } => {
                let looping = mailboxes
                    .iter()
                    .any(|mailbox| self.letter.was_delivered_to(&mailbox.address));
                if looping {
                    return Task::Refuse(EngineError::Loop);
                }
                let hold_until = self.envelope.wishes.hold_until;
                if hold_until.is_some_and(|until| until > self.now) {
                    add(&mut self.held, &recipient.address, recipient);
                    return Task::Queue;
                }
                for address in forwards {
                    self.pass_on(address, recipient);
                }
                let mut parcels = Vec::with_capacity(mailboxes.len());
                for mailbox in mailboxes {
                    if !reached.insert(mailbox.account) {
                        continue;
                    }
                    match self.sort(recipient, mailbox) {
                        Ok(parcel) => parcels.push(parcel),
                        Err(refusal) => return Task::Refuse(refusal),
                    }
                }
                Task::Copies(parcels)
            }
        }
    }

    /// Lets the letter go through the scripts of a mailbox's owner.
    fn sort(&mut self, recipient: &Recipient, mailbox: &Mailbox) -> Result<Parcel, EngineError> {
        self.ask_own_words(mailbox);
        let prefix = self.prefix(mailbox);
        let sorted = filtering::sort(&Occasion {
            engine: self.engine,
            envelope: &self.envelope,
            recipient,
            mailbox,
            letter: &self.letter,
            prefix: &prefix,
            spam: self.spam(mailbox.account),
            in_dialogue: self.trail.is_empty(),
            now: self.now,
        });
        let address = &mailbox.address;
        let notes = sorted
            .notes
            .into_iter()
            .map(|note| format!("{address}: {note}"));
        self.notes.extend(notes);
        if let Some(reason) = sorted.refused {
            return Err(EngineError::Rejected(reason));
        }
        let deeds = sorted.deeds;
        let deeds = deeds.map(|deeds| onward::lead_on(self, recipient, mailbox, deeds));
        let mailbox = mailbox.clone();
        Ok(Parcel { mailbox, deeds })
    }

    /// Works the sum out anew for someone whose own letters taught which words are wanted.
    fn ask_own_words(&mut self, mailbox: &Mailbox) {
        let Some(sum) = &self.envelope.arrival.examined.spam else {
            return;
        };
        match self.engine.own_assessment(mailbox.account, sum) {
            Ok(Some(own)) => {
                if own.is_junk() != sum.is_junk() {
                    let note = format!(
                        "{}: judged by own words: {}",
                        mailbox.address,
                        own.summary()
                    );
                    self.notes.push(note);
                }
                self.own_sums.insert(mailbox.account, own);
            }
            Ok(None) => {}
            // The letter goes where the sum of all sends it.
            Err(error) => self
                .notes
                .push(format!("{}: own words: {error}", mailbox.address)),
        }
    }

    /// What speaks for and against the letter, for one account.
    fn spam(&self, account: AccountId) -> Option<&Assessment> {
        let sum = self.own_sums.get(&account);
        sum.or(self.envelope.arrival.examined.spam.as_ref())
    }

    /// The sums as accounts see them that do not see it like everyone.
    pub(crate) fn own_sums(&self) -> impl Iterator<Item = (AccountId, &Assessment)> {
        self.own_sums.iter().map(|(account, sum)| (*account, sum))
    }

    fn queue(&mut self, address: &str, recipient: &Recipient) {
        add(&mut self.queued, address, recipient);
    }

    /// Sends on what came for an address here, with a sender that this server may use.
    fn pass_on(&mut self, address: &str, recipient: &Recipient) {
        let ours = recipient.address.rsplit_once('@');
        let ours = ours.map_or("", |(_, domain)| domain);
        match forwarding::rewritten(self.engine, &self.envelope.sender, ours) {
            None => add(&mut self.queued, address, recipient),
            Some(sender) => add(
                self.passed_on.entry(sender).or_default(),
                address,
                recipient,
            ),
        }
    }

    /// The recipients whose letter ends its way in mailboxes here.
    pub(crate) fn in_mailboxes(&self) -> Vec<&Recipient> {
        let recipients = self.envelope.recipients.iter().zip(&self.tasks);
        let here = recipients.filter(|(recipient, task)| {
            let goes_on = matches!(
                &*recipient.resolution,
                Resolution::Local { forwards, .. } if !forwards.is_empty()
            );
            matches!(task, Task::Copies(_)) && !goes_on
        });
        here.map(|(recipient, _)| recipient).collect()
    }

    /// Where the letter has been on its way here.
    pub(super) fn trail(&self) -> &Trail {
        &self.trail
    }

    pub(crate) fn first_refusal(&self) -> Option<EngineError> {
        self.tasks.iter().find_map(|task| match task {
            Task::Refuse(error) => Some(error.clone()),
            Task::Copies(_) | Task::Queue => None,
        })
    }

    /// The accounts that the commit changes.
    pub(crate) fn accounts(&self) -> Vec<AccountId> {
        let parcels = self.tasks.iter().flat_map(|task| match task {
            Task::Copies(parcels) => parcels.as_slice(),
            Task::Queue | Task::Refuse(_) => &[],
        });
        let mut accounts: Vec<AccountId> = parcels.map(|parcel| parcel.mailbox.account).collect();
        if !(self.queued.is_empty() && self.passed_on.is_empty() && self.held.is_empty()) {
            accounts.push(self.queue_owner());
        }
        accounts.extend(self.onward.iter().flat_map(Self::accounts));
        accounts.sort_unstable();
        accounts.dedup();
        accounts
    }

    /// What someone submits waits where its copy does, else under their account; what is passed on
    /// for others under account 0.
    fn queue_owner(&self) -> AccountId {
        let submitter = self.envelope.submitter.as_ref().map(|user| user.account);
        let copy = self.envelope.wishes.copy.map(|(account, _)| account);
        copy.or(submitter).unwrap_or(AccountId::DIRECTORY)
    }

    /// Does it all. May be run again after a conflict.
    pub(crate) fn carry_out(&self, txn: &mut Txn<'_>) -> Result<Delivered, EngineError> {
        let mut outcomes = Vec::with_capacity(self.tasks.len());
        for task in &self.tasks {
            outcomes.push(match task {
                Task::Refuse(error) => Outcome::Refused(error.clone()),
                Task::Queue => Outcome::Queued,
                Task::Copies(parcels) => self.copies(txn, parcels)?,
            });
        }
        self.put_into_queue(txn)?;
        Ok(Delivered {
            letter: self.name.clone(),
            outcomes,
            notes: self.notes.clone(),
        })
    }

    fn copies(&self, txn: &mut Txn<'_>, parcels: &[Parcel]) -> Result<Outcome, EngineError> {
        let mut receipts = Vec::with_capacity(parcels.len());
        for parcel in parcels {
            let account = parcel.mailbox.account;
            let done = match &parcel.deeds {
                None => self.copy(txn, &parcel.mailbox).map(|receipt| vec![receipt]),
                Some(deeds) => deeds::carry_out(self, txn, &parcel.mailbox, deeds),
            };
            match done {
                Ok(new) => receipts.extend(new.into_iter().map(|receipt| (account, receipt))),
                // The account was removed between its naming and now; nothing of it was written.
                Err(EngineError::NoSuchFolder | EngineError::NoSuchAccount)
                    if self.envelope.failing == super::Failing::Single =>
                {
                    return Ok(Outcome::Refused(EngineError::NoSuchAddress));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Outcome::Delivered(receipts))
    }

    fn copy(&self, txn: &mut Txn<'_>, mailbox: &Mailbox) -> Result<Receipt, EngineError> {
        let folder = self.usual_folder(txn, mailbox)?;
        let item = self.item(mailbox, &self.letter, folder);
        Ok(txn.insert_item(mailbox.account, &item)?)
    }

    /// Where a letter lies that nobody has put anywhere.
    pub(super) fn usual_folder(
        &self,
        txn: &mut Txn<'_>,
        mailbox: &Mailbox,
    ) -> Result<FolderId, EngineError> {
        let examined = &self.envelope.arrival.examined;
        if examined.is_quarantined(self.spam(mailbox.account)) {
            quarantine_for(txn, mailbox)
        } else {
            folder_for(txn, mailbox)
        }
    }

    /// The lines before the letter in a mailbox.
    fn prefix(&self, mailbox: &Mailbox) -> String {
        let examined = &self.envelope.arrival.examined;
        let examined = &examined.header_fields(self.spam(mailbox.account));
        trace::prefix(
            &self.return_path,
            &mailbox.address,
            examined,
            &self.received,
        )
    }

    /// A letter as it is put into a folder, behind its trace.
    pub(super) fn item(&self, mailbox: &Mailbox, letter: &Staged, folder: FolderId) -> NewItem {
        let prefix = self.prefix(mailbox);
        NewItem {
            received: Some(self.now),
            body: Some(Body::Staged(letter.body().clone())),
            prefix: Bytes::from(prefix),
            summary: letter.summary().clone(),
            sent: letter.sent(),
            names: self.names.clone(),
            delivered: true,
            ..NewItem::mail(folder)
        }
    }

    /// What is put before a letter that goes elsewhere: what was found when it came goes with it.
    pub(super) fn prefix_elsewhere(&self) -> Bytes {
        Bytes::from(self.examined_elsewhere() + &self.received)
    }

    /// What was found when the letter came, as far as there is room for it.
    pub(super) fn examined_elsewhere(&self) -> String {
        let examined = &self.envelope.arrival.examined;
        let mut fields = examined.header_fields(examined.spam.as_ref());
        if fields.len() > EXAMINED_BYTES_MAX {
            fields.clone_from(&examined.lines);
        }
        if fields.len() > EXAMINED_BYTES_MAX {
            fields.clear();
        }
        fields
    }

    /// The letter as the queue keeps it, for these recipients.
    pub(super) fn queued_letter(&self, recipients: Vec<QueuedRecipient>) -> QueuedLetter {
        let days = i64::from(self.engine.settings().retention.queue_days);
        let lasting = days * SECONDS_PER_DAY * Timestamp::PER_SECOND;
        let wishes = self.envelope.wishes;
        let begin = wishes.hold_until.unwrap_or(self.now);
        let expires = Timestamp(begin.0.saturating_add(lasting));
        let end = match wishes.deliver_by {
            Some(by) if by.late == Late::Return => by.at.min(expires),
            _ => expires,
        };
        let (name, sender) = (self.name.clone(), self.envelope.sender.clone());
        QueuedLetter {
            envelope_id: self.envelope.envelope_id.clone(),
            returning: self.envelope.returning,
            needs_utf8: self.envelope.needs_utf8,
            recipients,
            prefix: self.prefix_elsewhere(),
            needs_tls: wishes.needs_tls,
            deliver_by: wishes.deliver_by,
            priority: wishes.priority,
            hold_until: wishes.hold_until,
            hold_seconds: wishes.hold_seconds,
            copy: wishes.copy.map(|(_, copy)| copy),
            is_ours: self.envelope.submitter.is_some() || self.envelope.arrival.is_ours,
            ..QueuedLetter::new(name, sender, end)
        }
    }

    fn put_into_queue(&self, txn: &mut Txn<'_>) -> Result<(), EngineError> {
        let passed_on = self.passed_on.iter();
        let passed_on =
            passed_on.flat_map(|(sender, all)| portions(all).map(move |some| (sender, some)));
        let queued = portions(&self.queued).map(|some| (&self.envelope.sender, some));
        let held = portions(&self.held).map(|some| (&self.envelope.sender, some, Some(HERE)));
        let elsewhere = queued.chain(passed_on);
        let elsewhere = elsewhere.map(|(sender, recipients)| (sender, recipients, None));
        for (sender, recipients, route) in elsewhere.chain(held) {
            let letter = QueuedLetter {
                sender: sender.clone(),
                route: route.map(str::to_owned),
                ..self.queued_letter(recipients.to_vec())
            };
            let item = QueueItem {
                due: letter.hold_until.unwrap_or(self.now),
                envelope: letter.encode(),
                label: letter.label(),
                body: Some(Body::Staged(self.letter.body().clone())),
            };
            txn.queue_add(self.queue_owner(), &item)?;
        }
        Ok(())
    }
}

/// One recipient for each address.
fn add(queued: &mut Vec<QueuedRecipient>, address: &str, recipient: &Recipient) {
    if queued.iter().any(|known| known.address == address) {
        return;
    }
    queued.push(QueuedRecipient {
        address: address.to_owned(),
        notify: recipient.notify,
        original: recipient.original.clone(),
        answer: None,
    });
}

/// The local part as it came, since only its own server may say what case means there (RFC 5321
/// §2.4), at the domain's canonical form.
fn as_written(came: &str, canonical: &str) -> String {
    match (came.rsplit_once('@'), canonical.rsplit_once('@')) {
        (Some((local, _)), Some((_, domain))) => format!("{local}@{domain}"),
        _ => canonical.to_owned(),
    }
}

/// The folder for what nobody wants; the usual one where there is none.
fn quarantine_for(txn: &mut Txn<'_>, mailbox: &Mailbox) -> Result<FolderId, EngineError> {
    match txn.folder_with_role(mailbox.account, Role::Junk)? {
        Some((junk, _)) => Ok(junk),
        None => folder_for(txn, mailbox),
    }
}

/// The inbox, or the ordinary folder that has the tag's name.
fn folder_for(txn: &mut Txn<'_>, mailbox: &Mailbox) -> Result<FolderId, EngineError> {
    let account = mailbox.account;
    if let Some(tag) = &mailbox.tag
        && let Some((folder, row)) = txn.child(account, Some(MAIL_ROOT), tag)?
        && row.role == Role::None
    {
        return Ok(folder);
    }
    let usual = txn.keep_folder(account, INBOX)?;
    if usual.is_some_and(|row| row.role == Role::Inbox && row.removed.is_none()) {
        return Ok(INBOX);
    }
    let found = txn.folder_with_role(account, Role::Inbox)?;
    Ok(found.ok_or(EngineError::NoSuchFolder)?.0)
}

/// Recipients in runs that each fit into one record.
fn portions(recipients: &[QueuedRecipient]) -> impl Iterator<Item = &[QueuedRecipient]> {
    let (mut portions, mut rest) = (Vec::new(), recipients);
    while !rest.is_empty() {
        let mut bytes = 0;
        let fitting = rest.iter().take_while(|recipient| {
            bytes += recipient.address.len()
                + recipient.original.as_ref().map_or(0, String::len)
                + RECIPIENT_BYTES;
            bytes <= RECIPIENTS_BYTES_MAX
        });
        let count = fitting.count().max(1);
        let (portion, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        portions.push(portion);
        rest = later;
    }
    portions.into_iter()
}
