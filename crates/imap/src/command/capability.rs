//! `CAPABILITY`: what this server does, and nothing that it does not.
//!
//! What other servers have and this one leaves out stands in `standards.tsv` with its reason, as
//! far as it is written down for others. Left out as well is what is one server's own:
//! `SNIPPET=FUZZY` and `PREVIEW=FUZZY` (Dovecot's before RFC 8970), `XAPPLEPUSHSERVICE` (needs a
//! certificate that Apple gives for its own product only), and Cyrus' `SORT=MODSEQ`, `SORT=UID`,
//! `DIGEST=SHA1`, `NO_ATOMIC_RENAME` and `X-…`. `CRAM-MD5` and `SCRAM-SHA-1` would need weaker
//! secrets to be kept.
//!
//! Standards: RFC 9051 §6.1.1, RFC 6785 §2.1 (where scripts are managed), and each extension's own.

use super::State;
use crate::limit::MessageLimit;
use engine::{Engine, allows_passwords, dialogue::Peer, mechanisms};
use std::fmt::Write;

/// What a signed-in client may use.
const EXTENSIONS: &str = "IMAP4rev2 IMAP4rev1 LITERAL+ ENABLE ID IDLE NAMESPACE UNSELECT UIDPLUS \
    MOVE CHILDREN SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS STATUS=SIZE ESEARCH \
    SEARCHRES WITHIN BINARY MULTIAPPEND CONDSTORE QRESYNC OBJECTID PREVIEW SORT \
    SORT=DISPLAY THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS ESORT CONTEXT=SEARCH \
    CONTEXT=SORT PARTIAL MULTISEARCH INPROGRESS SAVEDATE SEARCH=FUZZY I18NLEVEL=1 I18NLEVEL=2 \
    LANGUAGE COMPRESS=DEFLATE NOTIFY REPLACE CATENATE URLAUTH URLAUTH=BINARY URL-PARTIAL UIDONLY \
    UIDBATCHES FILTERS";

/// The same, of what is done with mailboxes.
const OF_MAILBOXES: &str = " ACL RIGHTS=kxten LIST-MYRIGHTS QUOTA QUOTA=RES-STORAGE \
    QUOTA=RES-MESSAGE QUOTA=RES-MAILBOX QUOTA=RES-ANNOTATION-STORAGE QUOTASET XLIST METADATA \
    METADATA-SERVER LIST-METADATA ANNOTATE-EXPERIMENT-1";

/// One of them, as it stands in the list.
const UID_ONLY: &str = " UIDONLY";

/// What there is before sign-in, where only short literals are taken (RFC 7888 §5).
const BEFORE_LOGIN: &str = "IMAP4rev2 IMAP4rev1 LITERAL- SASL-IR ENABLE ID LANGUAGE";

/// The list to a peer that has not signed in.
pub(crate) fn before_login(engine: &Engine, peer: &Peer) -> String {
    let mut list = BEFORE_LOGIN.to_owned();
    if peer.tls.is_none() {
        list.push_str(" STARTTLS");
    }
    if !allows_passwords(engine, peer) {
        list.push_str(" LOGINDISABLED");
    }
    for mechanism in mechanisms(engine, peer) {
        list.push_str(" AUTH=");
        list.push_str(mechanism.name());
    }
    list
}

/// The list to one that has.
pub(crate) fn after_login(engine: &Engine, state: &State) -> String {
    let mut list = EXTENSIONS.to_owned() + OF_MAILBOXES;
    // One says more than the other, and both never stand together (RFC 6855 §6).
    list.push_str(if engine.settings().utf8_only {
        " UTF8=ONLY"
    } else {
        " UTF8=ACCEPT"
    });
    if engine.settings().sign_out {
        list.push_str(" UNAUTHENTICATE");
    }
    if let Some(scripts) = &engine.settings().scripts_at {
        list.push_str(" IMAPSIEVE=sieve://");
        list.push_str(scripts);
    }
    let limits = &engine.settings().limits;
    let (limit, of_messages) = (limits.message_bytes_max, MessageLimit::of(limits));
    // Writing to a String can't fail.
    let _ = write!(list, " APPENDLIMIT={limit} {}", of_messages.capability());
    if state.misuses_uid_only {
        list = list.replace(UID_ONLY, "");
    }
    list
}
