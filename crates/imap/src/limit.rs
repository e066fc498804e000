//! How many messages one command works on, and how a client learns that it was not all.
//!
//! Of more messages the newest are taken, so that a client goes on below the UID that it is told;
//! what must happen whole (COPY, APPEND) is refused. EXPUNGE, CLOSE and STATUS know no limit.
//!
//! Standards: RFC 9738 (MESSAGELIMIT, SAVELIMIT).

use crate::command::Reply;
use crate::refusal::Refusal;
use bytes::BytesMut;
use engine::{Limits, Uid, UidSet};
use std::fmt::Write;

/// The limit of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MessageLimit {
    most: u32,
    /// Also what a client could do in parts by itself: looking, fetching, marking, moving.
    of_all: bool,
}

impl Default for MessageLimit {
    fn default() -> Self {
        Self::of(&Limits::default())
    }
}

/// What was left of more messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    most: u32,
    lowest: Uid,
}

impl MessageLimit {
    /// As the administrator has decided.
    pub(crate) fn of(limits: &Limits) -> Self {
        Self {
            most: limits.items_per_request_max.max(1),
            of_all: limits.limits_all_requests,
        }
    }

    /// The word in CAPABILITY. Source: RFC 9738 §3: one or the other.
    pub(crate) fn capability(self) -> String {
        let name = if self.of_all {
            "MESSAGELIMIT"
        } else {
            "SAVELIMIT"
        };
        format!("{name}={}", self.most)
    }

    /// The most messages that APPEND takes, of `usual` at most.
    pub(crate) fn of_append(self, usual: usize) -> usize {
        usize::try_from(self.most).map_or(usual, |most| most.min(usual))
    }

    /// Leaves the newest of more messages than one command works on.
    pub(crate) fn cut(self, uids: &mut UidSet) -> Option<Cut> {
        let cut = self.exceeding(uids).filter(|_| self.of_all)?;
        *uids = uids.within(cut.lowest.0..=u32::MAX);
        Some(cut)
    }

    /// Errors: more messages than are copied at once; none is.
    pub(crate) fn admit_copy(self, uids: &UidSet) -> Result<(), Refusal> {
        self.exceeding(uids).map_or(Ok(()), |cut| {
            Err(Refusal::TooManyMessages(cut.most, Some(cut.lowest.0)))
        })
    }

    /// Errors: more messages than a command that needs all of them works on.
    pub(crate) fn admit(self, count: u64) -> Result<(), Refusal> {
        if self.of_all && count > u64::from(self.most) {
            return Err(Refusal::TooManyMessages(self.most, None));
        }
        Ok(())
    }

    fn exceeding(self, uids: &UidSet) -> Option<Cut> {
        let below = uids
            .len()
            .checked_sub(self.most)
            .filter(|below| *below > 0)?;
        let lowest = uids.nth(below)?;
        Some(Cut {
            most: self.most,
            lowest,
        })
    }
}

impl Cut {
    /// Puts the code into an answer; before one that has a code already. Source: RFC 9738 §3.1.
    pub(crate) fn tell(
        self,
        reply: Result<Reply, Refusal>,
        out: &mut BytesMut,
    ) -> Result<Reply, Refusal> {
        let Self { most, lowest } = self;
        let code = format!("[MESSAGELIMIT {most} {}]", lowest.0);
        match reply {
            Ok(mut reply) => {
                match reply.text.strip_prefix("OK ") {
                    Some(text) if !text.starts_with('[') => {
                        reply.text = format!("OK {code} {text} for the newest {most}").into();
                    }
                    _ => tell_beside(&code, out),
                }
                Ok(reply)
            }
            Err(refusal) => {
                tell_beside(&code, out);
                Err(refusal)
            }
        }
    }
}

fn tell_beside(code: &str, out: &mut BytesMut) {
    // Writing to a buffer in memory can't fail.
    let _ = write!(
        out,
        "* NO {code} Only the newest messages were looked at\r\n"
    );
}

/// `tell`, where something was cut.
pub(crate) fn tell(
    cut: Option<Cut>,
    reply: Result<Reply, Refusal>,
    out: &mut BytesMut,
) -> Result<Reply, Refusal> {
    match cut {
        Some(cut) => cut.tell(reply, out),
        None => reply,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: MessageLimit = MessageLimit {
        most: 3,
        of_all: true,
    };

    #[test]
    fn the_newest_are_left() {
        let mut uids = UidSet::from_ranges([1..=2, 5..=6, 9..=9]);
        let cut = THREE.cut(&mut uids);
        assert_eq!(uids, UidSet::from_ranges([5..=6, 9..=9]));
        assert_eq!(cut.map(|cut| cut.lowest), Some(Uid(5)));
        assert_eq!(THREE.cut(&mut uids), None);
    }

    #[test]
    fn an_answer_with_a_code_keeps_it() {
        let cut = Cut {
            most: 3,
            lowest: Uid(5),
        };
        let mut out = BytesMut::new();
        let plain = cut.tell(Ok(Reply::told("OK FETCH completed")), &mut out);
        let text = plain.unwrap().text;
        assert_eq!(
            text,
            "OK [MESSAGELIMIT 3 5] FETCH completed for the newest 3"
        );
        assert!(out.is_empty());
        let coded = cut.tell(Ok(Reply::told("OK [MODIFIED 7] Some")), &mut out);
        assert_eq!(coded.unwrap().text, "OK [MODIFIED 7] Some");
        assert!(out.starts_with(b"* NO [MESSAGELIMIT 3 5] "));
    }
}
