//! `ESEARCH`: a search through several mailboxes at once.
//!
//! One mailbox is searched after the other; only those in which something was found are told.
//!
//! Standards: RFC 7377.

use super::search::answer::{self, Answer, Correlator};
use super::search::filters;
use super::search::query::{self, Ground};
use super::search::{highest, save};
use super::{Desk, Reply, State, Step, Work};
use crate::codec::command::Numbering;
use crate::codec::mailbox::{MailboxName, SEPARATOR};
use crate::codec::scope::Scope;
use crate::codec::search::{Returned, SearchRequest};
use crate::folders::{Mailbox, Mailboxes, Others};
use crate::refusal::Refusal;
use engine::search::Run;
use engine::{Account, AccountId, FolderId, Reading, Rights, Role, Shelf, Uid};
use std::collections::VecDeque;

/// An ESEARCH on its way.
pub(super) struct MultiSearch {
    scopes: Vec<Scope>,
    request: SearchRequest,
    returned: Returned,
    tag: String,
    /// The mailboxes still to be searched; `None` before they are known.
    left: Option<VecDeque<Target>>,
    searching: Option<(Target, Run, Vec<Uid>)>,
}

/// A mailbox to search.
struct Target {
    name: MailboxName,
    account: Account,
    folder: FolderId,
    uid_validity: u32,
}

impl MultiSearch {
    /// Errors: the open mailbox is meant, but none is; options that need one mailbox.
    pub(super) fn begin(
        scopes: Option<Vec<Scope>>,
        request: SearchRequest,
        tag: &str,
        state: &mut State,
    ) -> Result<Box<dyn Work>, Refusal> {
        let scopes = scopes.unwrap_or_else(|| vec![Scope::Selected]);
        if scopes.contains(&Scope::Selected) {
            state.selected()?;
        }
        let returned = request.returned.unwrap_or(Returned {
            all: true,
            ..Returned::default()
        });
        if returned.update || returned.relevancy || (returned.save && scopes != [Scope::Selected]) {
            // RFC 7377 §2.2.
            return Err(Refusal::WrongState("BAD Not possible in several mailboxes"));
        }
        state.features.condstore |= request.criterion.asks_modseq();
        Ok(Box::new(Self {
            scopes,
            request,
            returned,
            tag: tag.to_owned(),
            left: None,
            searching: None,
        }))
    }

    fn targets(&self, desk: &Desk<'_>) -> Result<VecDeque<Target>, Refusal> {
        let open = desk.state.selected.as_ref();
        let open = open.map(|selected| (selected.account.id(), selected.folder));
        let mailboxes = Mailboxes::listed(desk.home, Others::Listed)?;
        let searched = mailboxes.0.into_iter().filter(|mailbox| {
            let is_wanted = |scope| match scope {
                &Scope::Personal => mailbox.owner == desk.home.id(),
                scope => is_in(scope, mailbox, open),
            };
            let in_scope = self.scopes.iter().any(is_wanted);
            mailbox.selectable && in_scope && mailbox.rights.contains(Rights::READ)
        });
        let target = |mailbox: Mailbox| {
            Ok(Target {
                name: mailbox.name,
                account: desk.home.another(mailbox.owner)?,
                folder: mailbox.id,
                uid_validity: mailbox.row.uid_validity,
            })
        };
        searched.map(target).collect()
    }

    fn start(&self, target: &Target, desk: &Desk<'_>) -> Result<Run, Refusal> {
        let view = target.account.read()?;
        let selected = desk.state.selected.as_ref();
        let selected = selected.filter(|selected| selected.is(&target.account, target.folder));
        let uids = match selected {
            Some(selected) => selected.told.clone(),
            None => view.uids(target.folder, Shelf::Mail)?,
        };
        let ground = Ground {
            view: &view,
            uids: &uids,
            selected,
            comparator: desk.state.comparator,
            now: desk.now,
        };
        let plan = query::plan(&self.request.criterion, ground)?;
        Ok(Run::new(plan, target.folder, Shelf::Mail, uids))
    }

    fn tell(&self, target: &Target, found: &[Uid], desk: &mut Desk<'_>) -> Result<(), Refusal> {
        if self.returned.save {
            save(desk, found, self.returned);
        }
        if found.is_empty() || !self.returned.tells() {
            return Ok(());
        }
        let modseq = if self.request.criterion.asks_modseq() {
            highest(&target.account, target.folder, found, Some(self.returned))?
        } else {
            None
        };
        let form = desk.state.name_form();
        let correlator = Correlator {
            tag: &self.tag,
            mailbox: Some((&target.name, form, target.uid_validity)),
            numbering: Numbering::Uid,
        };
        let numbers: Vec<u32> = found.iter().map(|uid| uid.0).collect();
        let answer = Answer {
            numbers: &numbers,
            scores: &[],
            modseq,
        };
        answer::write_esearch(desk.out, &correlator, &answer, self.returned);
        Ok(())
    }
}

impl Work for MultiSearch {
    fn step(&mut self, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
        if self.left.is_none() {
            filters::put_in(&mut self.request.criterion, desk)?;
            self.left = Some(self.targets(desk)?);
        }
        let Some((target, mut run, mut found)) = self.searching.take() else {
            let Some(target) = self.left.as_mut().and_then(VecDeque::pop_front) else {
                return Ok(Step::Done(Reply::told("OK ESEARCH completed")));
            };
            let run = self.start(&target, desk)?;
            self.searching = Some((target, run, Vec::new()));
            return Ok(Step::More);
        };
        if run.step(&target.account, &mut found)? {
            self.tell(&target, &found, desk)?;
        } else {
            self.searching = Some((target, run, found));
        }
        Ok(Step::More)
    }
}

fn is_in(scope: &Scope, mailbox: &Mailbox, open: Option<(AccountId, FolderId)>) -> bool {
    let below = |names: &[MailboxName], levels_max: usize| {
        let levels = names.iter().filter_map(|name| level(name, mailbox));
        levels.min().is_some_and(|level| level <= levels_max)
    };
    match scope {
        Scope::Selected => open == Some((mailbox.owner, mailbox.id)),
        Scope::Inboxes => mailbox.row.role == Role::Inbox,
        Scope::Personal => true,
        Scope::Subscribed => mailbox.row.subscribed,
        Scope::Subtree(names) => below(names, usize::MAX),
        Scope::SubtreeOne(names) => below(names, 1),
        Scope::Mailboxes(names) => below(names, 0),
    }
}

/// How many levels below `top` a mailbox stands; `None` if it stands elsewhere.
fn level(top: &MailboxName, mailbox: &Mailbox) -> Option<usize> {
    let rest = mailbox.name.as_str().strip_prefix(top.as_str())?;
    if rest.is_empty() {
        return Some(0);
    }
    let below = rest.strip_prefix(SEPARATOR)?;
    Some(below.split(SEPARATOR).count())
}
