//! What NOTIFY asks for.
//!
//! Standards: RFC 5465 §8.

use super::Fault;
use super::cursor::{Cursor, Parsed};
use super::fetch::{self, FetchItem};
use super::mailbox::{MailboxName, NameForm};

/// Groups in one NOTIFY; each is compared with every mailbox, and a few are enough.
pub const GROUPS_MAX: usize = 32;

/// Names of mailboxes in one group; all are looked at whenever something has changed.
pub const NAMES_MAX: usize = 256;

/// Arguments of NOTIFY; no groups at all is `NONE`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NotifyRequest {
    /// `STATUS`: tell also how things are now.
    pub status: bool,
    /// What is told of the open mailbox; `None` if nothing is.
    pub selected: Option<SelectedGroup>,
    /// What is told of others; a mailbox may belong to several groups (RFC 5465 §6).
    pub groups: Vec<Group>,
}

/// What is told of the open mailbox.
#[derive(Debug, Clone, PartialEq)]
pub struct SelectedGroup {
    /// `SELECTED-DELAYED`: expunges are told only where base IMAP allows it.
    pub delayed: bool,
    /// The events.
    pub events: Events,
    /// What is told of each new message.
    pub items: Vec<FetchItem>,
}

/// What is told of some mailboxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Which.
    pub filter: Filter,
    /// The events; `NONE` means that nothing of these mailboxes is wanted, whatever else is asked.
    pub events: Events,
}

/// Which mailboxes a group is about. Source: RFC 5465 §6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// `PERSONAL`, and `INBOXES`: rules may file letters anywhere, and then both mean the same
    /// (RFC 5465 §6.3).
    Personal,
    /// `SUBSCRIBED`
    Subscribed,
    /// `SUBTREE`: these and all below.
    Subtree(Vec<MailboxName>),
    /// `MAILBOXES`
    Mailboxes(Vec<MailboxName>),
}

/// Kinds of news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools)] // Each may be asked for by itself.
pub struct Events {
    /// `MessageNew` and `MessageExpunge`, which stand together only.
    pub messages: bool,
    /// `FlagChange`
    pub flags: bool,
    /// `AnnotationChange`: of messages.
    pub notes: bool,
    /// `MailboxName`
    pub names: bool,
    /// `SubscriptionChange`
    pub subscriptions: bool,
    /// `MailboxMetadataChange`
    pub annotations: bool,
    /// `ServerMetadataChange`; of which mailboxes it stands with makes no difference.
    pub server_annotations: bool,
    /// One that is not supported here.
    pub unsupported: bool,
}

impl Events {
    /// What is asked for in one group or in the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            messages: self.messages || other.messages,
            flags: self.flags || other.flags,
            notes: self.notes || other.notes,
            names: self.names || other.names,
            subscriptions: self.subscriptions || other.subscriptions,
            annotations: self.annotations || other.annotations,
            server_annotations: self.server_annotations || other.server_annotations,
            unsupported: self.unsupported || other.unsupported,
        }
    }

    /// True if none of them is about messages.
    fn is_beyond_messages(self) -> bool {
        self.names || self.subscriptions || self.annotations || self.server_annotations
    }
}

impl NotifyRequest {
    /// Reads what stands behind `NOTIFY `.
    pub fn read(cursor: &mut Cursor<'_>, form: NameForm) -> Parsed<Self> {
        let mut request = Self::default();
        if cursor.accept_word("NONE") {
            return Ok(request);
        }
        if !cursor.accept_word("SET") {
            return Err(Fault::Syntax("Expected SET or NONE"));
        }
        cursor.space()?;
        if cursor.accept_word("STATUS") {
            request.status = true;
            cursor.space()?;
        }
        let mut count = 0;
        loop {
            request.read_group(cursor, form)?;
            count += 1;
            if cursor.at_end() {
                return Ok(request);
            }
            if count >= GROUPS_MAX {
                return Err(Fault::Limit("Too many groups of events"));
            }
            cursor.space()?;
        }
    }

    /// True if an event is asked for that is not supported.
    pub fn asks_unsupported(&self) -> bool {
        let selected = self.selected.iter().map(|selected| selected.events);
        let others = self.groups.iter().map(|group| group.events);
        selected.chain(others).any(|events| events.unsupported)
    }

    fn read_group(&mut self, cursor: &mut Cursor<'_>, form: NameForm) -> Parsed<()> {
        cursor.expect(b'(', "Expected a group of events")?;
        let filter = cursor.word()?.to_ascii_uppercase();
        cursor.space()?;
        let delayed = filter == "SELECTED-DELAYED";
        if delayed || filter == "SELECTED" {
            let (events, items) = events(cursor)?;
            if self.selected.is_some() || events.is_beyond_messages() {
                return Err(Fault::Syntax("Not possible for the selected mailbox"));
            }
            self.selected = Some(SelectedGroup {
                delayed,
                events,
                items,
            });
            return cursor.expect(b')', "Expected )");
        }
        let filter = match filter.as_str() {
            "INBOXES" | "PERSONAL" => Filter::Personal,
            "SUBSCRIBED" => Filter::Subscribed,
            "SUBTREE" => Filter::Subtree(names(cursor, form)?),
            "MAILBOXES" => Filter::Mailboxes(names(cursor, form)?),
            _ => return Err(Fault::Syntax("Unknown kind of mailboxes")),
        };
        let (events, items) = events(cursor)?;
        if !items.is_empty() {
            return Err(Fault::Syntax(
                "FETCH items are for the selected mailbox only",
            ));
        }
        self.groups.push(Group { filter, events });
        cursor.expect(b')', "Expected )")
    }
}

fn names(cursor: &mut Cursor<'_>, form: NameForm) -> Parsed<Vec<MailboxName>> {
    let name = |cursor: &mut Cursor<'_>| MailboxName::decode(&cursor.astring()?, form);
    let names = match cursor.peek() {
        Some(b'(') => cursor.list(NAMES_MAX, name)?,
        _ => vec![name(cursor)?],
    };
    cursor.space()?;
    Ok(names)
}

/// The events of a group, and what is to be told of each new message.
fn events(cursor: &mut Cursor<'_>) -> Parsed<(Events, Vec<FetchItem>)> {
    let (mut events, mut items) = (Events::default(), Vec::new());
    if cursor.accept_word("NONE") {
        return Ok((events, items));
    }
    let (mut came, mut went) = (false, false);
    cursor.list(GROUPS_MAX, |cursor| {
        match cursor.word()?.to_ascii_uppercase().as_str() {
            "MESSAGENEW" => {
                came = true;
                if cursor.rest().starts_with(b" (") {
                    cursor.space()?;
                    items = cursor.list(fetch::ITEMS_MAX, fetch::item)?;
                }
            }
            "MESSAGEEXPUNGE" => went = true,
            "FLAGCHANGE" => events.flags = true,
            "ANNOTATIONCHANGE" => events.notes = true,
            "MAILBOXNAME" => events.names = true,
            "SUBSCRIPTIONCHANGE" => events.subscriptions = true,
            "MAILBOXMETADATACHANGE" => events.annotations = true,
            "SERVERMETADATACHANGE" => events.server_annotations = true,
            _ => events.unsupported = true,
        }
        Ok(())
    })?;
    events.messages = came;
    if came != went || ((events.flags || events.notes) && !came) {
        // RFC 5465 §5: whoever is told of some must be told of all.
        return Err(Fault::Syntax(
            "MessageNew and MessageExpunge belong together",
        ));
    }
    Ok((events, items))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Parsed<NotifyRequest> {
        let mut cursor = Cursor::new(text.as_bytes());
        let request = NotifyRequest::read(&mut cursor, NameForm::Utf8)?;
        cursor.end().map(|()| request)
    }

    /// The examples of RFC 5465 §3.1, §5.2 and §6.
    #[test]
    fn groups_are_kept_in_their_order() {
        let request = read(
            "SET STATUS (selected (MessageNew (uid body.peek[header.fields (from to subject)]) \
             MessageExpunge)) (subtree Lists (MessageNew MessageExpunge FlagChange)) \
             (mailboxes (misc \"a b\") NONE) (personal (MailboxName SubscriptionChange))",
        )
        .unwrap();
        assert!(request.status);
        let selected = request.selected.unwrap();
        assert!(!selected.delayed && selected.events.messages && !selected.events.flags);
        assert_eq!(selected.items.len(), 2);
        let kinds: Vec<_> = request.groups.iter().map(|group| &group.filter).collect();
        assert!(matches!(kinds[0], Filter::Subtree(names) if names[0].as_str() == "Lists"));
        assert!(matches!(kinds[1], Filter::Mailboxes(names) if names.len() == 2));
        assert_eq!(request.groups[1].events, Events::default());
        assert!(request.groups[2].events.names && request.groups[2].events.subscriptions);
        assert_eq!(read("NONE").unwrap(), NotifyRequest::default());
    }

    /// The examples of RFC 5465 §6.
    #[test]
    fn a_mailbox_may_belong_to_several_groups() {
        let request = read(
            "set (mailboxes INBOX (Messagenew messageExpunge)) (personal (SubscriptionChange))",
        );
        let groups = request.unwrap().groups;
        let both = groups[0].events.and(groups[1].events);
        assert!(both.messages && both.subscriptions && !both.names && !both.flags);
        let request = read(
            "set (selected (Messagenew (uid flags) messageExpunge)) \
             (personal (MessageNew FlagChange MessageExpunge))",
        );
        assert!(request.unwrap().groups[0].events.flags);
        let request = read("set (personal (MailboxMetadataChange ServerMetadataChange))").unwrap();
        assert!(!request.asks_unsupported());
        assert!(read("set (selected (ServerMetadataChange))").is_err());
    }

    #[test]
    fn events_that_belong_together_stand_together() {
        for bad in [
            "",
            "SET",
            "SET STATUS",
            "SET ()",
            "SET (inboxes)",
            "SET (inboxes ())",
            "SET (inboxes (MessageNew))",
            "SET (inboxes (MessageExpunge))",
            "SET (inboxes (FlagChange))",
            "SET (inboxes (AnnotationChange))",
            "SET (selected (MessageNew MessageExpunge MailboxName))",
            "SET (selected NONE) (selected-delayed NONE)",
            "SET (personal (MessageNew (uid) MessageExpunge))",
            "SET (mailboxes (MessageNew MessageExpunge))",
            "SET (nowhere NONE)",
            "NONE (inboxes NONE)",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(
            read("SET (inboxes (MailboxSomething))")
                .unwrap()
                .asks_unsupported()
        );
    }
}
