//! `LIST` and `LSUB`: which mailboxes there are.
//!
//! Standards: RFC 9051 §6.3.9, RFC 5258 (LIST-EXTENDED), RFC 5819 (LIST-STATUS), RFC 6154
//! (SPECIAL-USE), RFC 8440 (MYRIGHTS), RFC 3348 (CHILDREN), RFC 3501 §6.3.9 (LSUB).

use super::access::write_my_rights;
use super::metadata::write_listed;
use super::status::{note_use, write_status};
use super::{Desk, Reply, Step};
use crate::codec::command::ListRequest;
use crate::codec::mailbox::{MailboxName, SEPARATOR};
use crate::codec::pattern::Pattern;
use crate::folders::{Mailbox, Mailboxes, Others, special_use};
use crate::refusal::Refusal;
use crate::shared::{OTHER_USERS, SHARED};
use bytes::BufMut;
use engine::{Rights, Role};

/// Which answer a mailbox is told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// `* LIST`
    List,
    /// `* LSUB`
    Lsub,
    /// `* XLIST`, with other names for special uses.
    Xlist,
}

impl Telling {
    fn name(self) -> &'static str {
        match self {
            Self::List => "LIST",
            Self::Lsub => "LSUB",
            Self::Xlist => "XLIST",
        }
    }
}

/// Tells every mailbox that matches one of the patterns and is of the kind asked for.
pub(super) fn run(request: &ListRequest, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    tell(request, Telling::List, desk)?;
    Ok(Step::Done(Reply::told("OK LIST completed")))
}

/// Tells them in the answer named.
pub(super) fn tell(
    request: &ListRequest,
    telling: Telling,
    desk: &mut Desk<'_>,
) -> Result<(), Refusal> {
    if let ([pattern], false) = (request.patterns.as_slice(), request.extended)
        && pattern.is_empty()
    {
        // Only the separator is asked for (RFC 9051 §6.3.9).
        let line = format!("* {} (\\Noselect) \"/\" \"\"\r\n", telling.name());
        desk.out.put_slice(line.as_bytes());
        return Ok(());
    }
    let patterns = joined(&request.reference, &request.patterns)?;
    let mailboxes = listed(&patterns, desk)?;
    note_use(&request.return_status, desk);
    for mailbox in &mailboxes.0 {
        let matches = patterns
            .iter()
            .any(|pattern| pattern.matches(mailbox.name.as_str()));
        if !matches {
            continue;
        }
        let wanted = is_wanted(mailbox, request);
        // One that is told anyway says of all below it; another only what nothing else says.
        let below = request.recursive
            && if wanted {
                below(mailbox, &mailboxes).any(|each| is_wanted(each, request))
            } else {
                has_hidden_match(mailbox, &mailboxes, request, &patterns)
            };
        if !wanted && !below {
            continue;
        }
        write_mailbox(desk, telling, mailbox, request.return_subscribed, below);
        // Of one that only stands above others nothing more is told (RFC 5819 §2, RFC 8440 §4).
        if !wanted {
            continue;
        }
        if mailbox.exists && !request.return_metadata.is_empty() {
            write_listed(desk, mailbox, &request.return_metadata)?;
        }
        if mailbox.selectable && request.return_rights {
            write_my_rights(desk, &mailbox.name, mailbox.rights);
        }
        let may_read = mailbox.selectable && mailbox.rights.contains(Rights::READ);
        if may_read && !request.return_status.is_empty() {
            let account = desk.home.another(mailbox.owner)?;
            let folder = (mailbox.id, &mailbox.row);
            write_status(
                desk,
                &mailbox.name,
                &account,
                folder,
                &request.return_status,
            )?;
        }
    }
    Ok(())
}

/// LSUB: subscribed mailboxes; with `%` also the parents of those that lie deeper.
pub(super) fn run_lsub(
    reference: &MailboxName,
    pattern: &MailboxName,
    desk: &mut Desk<'_>,
) -> Result<Step, Refusal> {
    let patterns = joined(reference.as_str(), &[pattern.as_str().to_owned()])?;
    let request = ListRequest {
        subscribed: true,
        ..ListRequest::default()
    };
    let mailboxes = listed(&patterns, desk)?;
    for mailbox in &mailboxes.0 {
        if !patterns
            .iter()
            .any(|pattern| pattern.matches(mailbox.name.as_str()))
        {
            continue;
        }
        if mailbox.row.subscribed {
            // To say \Noselect would mean that it is not subscribed itself (RFC 3501 §6.3.9).
            let subscribed = Mailbox {
                selectable: true,
                exists: true,
                ..mailbox.clone()
            };
            write_mailbox(desk, Telling::Lsub, &subscribed, false, false);
        } else if has_hidden_match(mailbox, &mailboxes, &request, &patterns) {
            let parent = Mailbox {
                selectable: false,
                exists: true,
                ..mailbox.clone()
            };
            write_mailbox(desk, Telling::Lsub, &parent, false, false);
        }
    }
    Ok(Step::Done(Reply::told("OK LSUB completed")))
}

/// The mailboxes that the patterns may match.
fn listed(patterns: &[Pattern], desk: &Desk<'_>) -> Result<Mailboxes, Refusal> {
    let reach = |namespace| patterns.iter().any(|pattern| pattern.may_reach(namespace));
    let others = if reach(OTHER_USERS) || reach(SHARED) {
        Others::Listed
    } else {
        Others::LeftOut
    };
    Mailboxes::listed(desk.home, others)
}

fn joined(reference: &str, patterns: &[String]) -> Result<Vec<Pattern>, Refusal> {
    let all: Option<Vec<_>> = patterns
        .iter()
        .map(|p| Pattern::new(reference, p))
        .collect();
    all.ok_or(Refusal::Fault(crate::codec::Fault::Limit(
        "Too many wildcards",
    )))
}

fn is_wanted(mailbox: &Mailbox, request: &ListRequest) -> bool {
    let listed = if request.subscribed {
        mailbox.row.subscribed
    } else {
        mailbox.exists
    };
    listed && (!request.special_use || use_of(mailbox).is_some())
}

/// True if something wanted lies below that no pattern reaches. Source: RFC 5258 §3.5.
fn has_hidden_match(
    mailbox: &Mailbox,
    all: &Mailboxes,
    request: &ListRequest,
    patterns: &[Pattern],
) -> bool {
    below(mailbox, all).any(|below| {
        let name = below.name.as_str();
        is_wanted(below, request) && !patterns.iter().any(|pattern| pattern.matches(name))
    })
}

fn below<'a>(mailbox: &Mailbox, all: &'a Mailboxes) -> impl Iterator<Item = &'a Mailbox> {
    let prefix = format!("{}{SEPARATOR}", mailbox.name.as_str());
    let below = move |below: &&Mailbox| below.name.as_str().starts_with(&prefix);
    all.0.iter().filter(below)
}

fn use_of(mailbox: &Mailbox) -> Option<&'static str> {
    if mailbox.row.role == Role::None {
        None
    } else {
        special_use(mailbox.row.role)
    }
}

/// The name of a special use before RFC 6154.
fn old_use_of(mailbox: &Mailbox) -> Option<&'static str> {
    match mailbox.row.role {
        Role::Inbox => Some("\\Inbox"),
        Role::Junk => Some("\\Spam"),
        Role::Archive => Some("\\AllMail"),
        _ => use_of(mailbox),
    }
}

/// Writes `* LIST (\HasNoChildren \Sent) "/" Sent`.
pub(super) fn write_mailbox(
    desk: &mut Desk<'_>,
    telling: Telling,
    mailbox: &Mailbox,
    tell_subscribed: bool,
    child_info: bool,
) {
    let attributes = [
        (!mailbox.exists, "\\NonExistent"),
        (mailbox.exists && !mailbox.selectable, "\\Noselect"),
        (mailbox.has_children, "\\HasChildren"),
        (!mailbox.has_children, "\\HasNoChildren"),
        (tell_subscribed && mailbox.row.subscribed, "\\Subscribed"),
    ];
    let told = attributes
        .into_iter()
        .filter(|(holds, _)| *holds)
        .map(|(_, name)| name);
    let special_use = match telling {
        Telling::Xlist => old_use_of(mailbox),
        Telling::List | Telling::Lsub => use_of(mailbox),
    };
    let told: Vec<&str> = told.chain(special_use).collect();
    let form = desk.state.name_form();
    let out = &mut *desk.out;
    out.put_slice(format!("* {} ({}) \"/\" ", telling.name(), told.join(" ")).as_bytes());
    mailbox.name.write(out, form);
    if child_info {
        out.put_slice(b" (CHILDINFO (\"SUBSCRIBED\"))");
    }
    out.put_slice(b"\r\n");
}
