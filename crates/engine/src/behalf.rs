//! In whose name a user may send.
//!
//! Whoever may file letters among those that another has sent may send on that other's behalf, if
//! the letter says who sent it. Whoever may also decide who else may do so may send as that other.
//! So the rights of one folder say it, in whatever way they are given, and what is sent for someone
//! can be filed where they find it.
//!
//! Start at [`Engine::may_send`].

use crate::account::Reading;
use crate::directory::Resolution;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::sign_in::User;
use store::model::{Rights, Role};

/// How a user may send with an address as the author's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authorship {
    /// Not at all.
    None,
    /// For the one whose it is, if the letter says who sent it.
    OnBehalf,
    /// As the one whose it is.
    As,
    /// It is the user's own.
    Own,
}

/// What it takes to send on behalf of the owner of a folder of sent letters.
const FILING: Rights = Rights(Rights::INSERT.0 | Rights::POST.0);

impl Engine {
    /// How this user may send with that address as the author's. Addresses of groups, and of nobody
    /// here, are nobody's.
    pub fn may_send(&self, user: &User, address: &str) -> Result<Authorship, EngineError> {
        if self.directory().owns(user.account, address)? {
            return Ok(Authorship::Own);
        }
        let resolution = self.resolve(address)?;
        let Resolution::Local {
            mailboxes,
            forwards,
        } = &*resolution
        else {
            return Ok(Authorship::None);
        };
        let ([mailbox], []) = (mailboxes.as_slice(), forwards.as_slice()) else {
            return Ok(Authorship::None);
        };
        let owner = mailbox.account;
        if !self.directory().owns(owner, address)? {
            return Ok(Authorship::None);
        }
        let account = self.account_of(user, owner, 0)?;
        let view = account.read()?;
        let Some((_, sent)) = view.folder_with_role(Role::Sent)? else {
            return Ok(Authorship::None);
        };
        let rights = view.rights_in(&sent);
        Ok(if !rights.contains(FILING) {
            Authorship::None
        } else if rights.contains(Rights::ADMINISTER) {
            Authorship::As
        } else {
            Authorship::OnBehalf
        })
    }
}
