//! The letters of the sample accounts: the forms that real mail comes in.

/// Where a letter lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Inbox,
    Sent,
    Drafts,
    Junk,
    /// A folder below a folder.
    Projects,
}

/// How far its owner is with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    Unread,
    Read,
    Answered,
    Flagged,
    Draft,
}

/// A letter of a sample account.
#[derive(Debug)]
pub struct Letter {
    /// The owner's local part.
    pub owner: &'static str,
    /// Where it lies.
    pub place: Place,
    /// How far its owner is with it.
    pub stand: Stand,
    /// When it came, in hours before the first start.
    pub hours_ago: u32,
    text: &'static str,
}

impl Letter {
    /// The letter as it came over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        self.text.replace('\n', "\r\n").into_bytes()
    }
}

/// What Bob asks Alice.
const LUNCH: &str = "From: Bob Baker <bob@example.test>
To: Alice =?utf-8?Q?=C3=81rnad=C3=B3ttir?= <alice@example.test>
Subject: Lunch on Thursday?
Date: Thu, 19 Nov 2026 09:12:00 +0100
Message-ID: <lunch.1@example.test>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Hello Alice,

the place at the corner has the mushroom soup again. Thursday at half past twelve?

Bob
";

/// What she answers.
const LUNCH_ANSWER: &str = "From: Alice =?utf-8?Q?=C3=81rnad=C3=B3ttir?= <alice@example.test>
To: Bob Baker <bob@example.test>
Subject: Re: Lunch on Thursday?
Date: Thu, 19 Nov 2026 09:40:00 +0100
Message-ID: <lunch.2@example.test>
In-Reply-To: <lunch.1@example.test>
References: <lunch.1@example.test>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8; format=flowed

Yes! I will bring the plans for the garden, there is one question about 
the pear tree.

Alice

> the place at the corner has the mushroom soup again. Thursday at half 
> past twelve?
";

/// All letters, in the order in which they came into each folder.
pub const ALL: &[Letter] = &[
    Letter {
        owner: "alice",
        place: Place::Inbox,
        stand: Stand::Read,
        hours_ago: 90,
        text: r#"From: Mail Delivery System <mailer-daemon@elsewhere.test>
To: alice@example.test
Subject: Undelivered mail returned to sender
Date: Sun, 15 Nov 2026 12:00:00 +0000
Message-ID: <dsn.1@elsewhere.test>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="report"

--report
Content-Type: text/plain

Your letter to dave@elsewhere.test could not be delivered: no such person.
--report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.elsewhere.test

Final-Recipient: rfc822; dave@elsewhere.test
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such person
--report
Content-Type: message/rfc822

From: alice@example.test
To: dave@elsewhere.test
Subject: Are you there?
Message-ID: <dave.1@example.test>

Hello Dave?
--report--
"#,
    },
    Letter {
        owner: "alice",
        place: Place::Inbox,
        stand: Stand::Read,
        hours_ago: 70,
        text: "From: =?iso-2022-jp?B?GyRCOzNFRBsoQg==?= <yamada@elsewhere.test>
To: alice@example.test
Subject: =?iso-2022-jp?B?GyRCJDMkcyRLJEEkTxsoQg==?=
Date: Mon, 16 Nov 2026 08:00:00 +0900
Message-ID: <hello.jp@elsewhere.test>
MIME-Version: 1.0
Content-Type: text/plain; charset=iso-2022-jp
Content-Transfer-Encoding: base64

GyRCJDMkcyRLJEEkTxsoQg0K
",
    },
    Letter {
        owner: "alice",
        place: Place::Junk,
        stand: Stand::Unread,
        hours_ago: 60,
        text: r#"From: "Prince of Somewhere" <prince@elsewhere.test>
To: undisclosed-recipients:;
Subject: Your unclaimed garden
Date: Mon, 16 Nov 2026 03:03:03 +0000
Message-ID: <prince.1@elsewhere.test>
Content-Type: text/html; charset=windows-1252
Content-Transfer-Encoding: 8bit

<HTML><BODY BGCOLOR=red><CENTER><FONT SIZE=7>CLAIM IT TODAY</FONT></CENTER></BODY></HTML>
"#,
    },
    Letter {
        owner: "alice",
        place: Place::Projects,
        stand: Stand::Read,
        hours_ago: 50,
        text: r#"From: carol@example.test
To: alice@example.test
Subject: Measurements and a picture
Date: Tue, 17 Nov 2026 11:02:00 +0100
Message-ID: <garden.2@example.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=_mixed"

This is a message in MIME format.
--=_mixed
Content-Type: multipart/related; boundary="=_related"; type="text/html"

--=_related
Content-Type: text/html; charset=us-ascii

<p>The wall: <img src="cid:wall@example.test" alt="the wall"></p>
--=_related
Content-Type: image/png; name="wall.png"
Content-Transfer-Encoding: base64
Content-ID: <wall@example.test>
Content-Disposition: inline; filename="wall.png"

iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9
awAAAABJRU5ErkJggg==
--=_related--
--=_mixed
Content-Type: text/csv; charset=utf-8; name*=utf-8''ma%C3%9Fe.csv
Content-Disposition: attachment; filename*=utf-8''ma%C3%9Fe.csv
Content-Transfer-Encoding: base64

d2FsbDtsZW5ndGgKbm9ydGg7MTIuNQplYXN0OzguMApzb3V0aDsxMi41Cg==
--=_mixed--
"#,
    },
    Letter {
        owner: "alice",
        place: Place::Projects,
        stand: Stand::Answered,
        hours_ago: 40,
        text: "From: bob@example.test
To: alice@example.test
Subject: Re: Measurements and a picture
Date: Tue, 17 Nov 2026 18:30:00 +0100
Message-ID: <garden.3@example.test>
In-Reply-To: <garden.2@example.test>
References: <garden.2@example.test>

Twelve and a half metres is more than I thought. -- Bob
",
    },
    Letter {
        owner: "alice",
        place: Place::Inbox,
        stand: Stand::Flagged,
        hours_ago: 30,
        text: r#"From: "Carol =?utf-8?B?xIxhcGtvdsOh?=" <carol@example.test>
To: alice@example.test
Cc: bob@example.test
Subject: =?utf-8?Q?Plan_f=C3=BCr_den_Garten_=F0=9F=8C=B3?=
Date: Wed, 18 Nov 2026 16:20:31 +0100
Message-ID: <garden.1@example.test>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="alt"

--alt
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe! The pear stays, the hedge goes. Carol
--alt
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<html><body><p>Gr=C3=BC=C3=9Fe!</p><ul><li>The <b>pear</b> stays</li><li>th=
e <i>hedge</i> goes</li></ul><p>Carol</p></body></html>
--alt--
"#,
    },
    Letter {
        owner: "alice",
        place: Place::Inbox,
        stand: Stand::Unread,
        hours_ago: 20,
        text: "From: Gardeners <list@lists.elsewhere.test>
Sender: list-bounces@lists.elsewhere.test
To: list@lists.elsewhere.test
Subject: [gardeners] When to cut pears
Date: Wed, 18 Nov 2026 22:15:09 -0500
Message-ID: <pears.1@lists.elsewhere.test>
List-Id: Gardeners <list.lists.elsewhere.test>
List-Post: <mailto:list@lists.elsewhere.test>
List-Unsubscribe: <mailto:list-leave@lists.elsewhere.test>, <https://lists.elsewhere.test/leave>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
Precedence: list
Content-Type: text/plain

Late winter, before the buds swell.
_______________________________________________
Gardeners mailing list
",
    },
    Letter {
        owner: "alice",
        place: Place::Inbox,
        stand: Stand::Unread,
        hours_ago: 5,
        text: r#"From: "Room 4 (bookings)" <rooms@elsewhere.test>
To: alice@example.test
Subject: Invitation: Garden plans
Date: Thu, 19 Nov 2026 08:00:00 +0000
Message-ID: <invite.1@elsewhere.test>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="invite"

--invite
Content-Type: text/plain

Garden plans, 26 November 2026, 14:00 to 15:00, room 4.
--invite
Content-Type: text/calendar; charset=utf-8; method=REQUEST

BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//Rooms//EN
METHOD:REQUEST
BEGIN:VEVENT
UID:plans-1@elsewhere.test
DTSTAMP:20261119T080000Z
DTSTART:20261126T140000Z
DTEND:20261126T150000Z
SUMMARY:Garden plans
LOCATION:Room 4
ORGANIZER:mailto:rooms@elsewhere.test
ATTENDEE;RSVP=TRUE:mailto:alice@example.test
END:VEVENT
END:VCALENDAR
--invite--
"#,
    },
    Letter {
        owner: "alice",
        place: Place::Sent,
        stand: Stand::Read,
        hours_ago: 0,
        text: LUNCH_ANSWER,
    },
    Letter {
        owner: "alice",
        place: Place::Drafts,
        stand: Stand::Draft,
        hours_ago: 2,
        text: "From: Alice =?utf-8?Q?=C3=81rnad=C3=B3ttir?= <alice@example.test>
To: carol@example.test
Subject: Re: =?utf-8?Q?Plan_f=C3=BCr_den_Garten_=F0=9F=8C=B3?=
Date: Thu, 19 Nov 2026 10:00:00 +0100
Message-ID: <draft.1@example.test>
In-Reply-To: <garden.1@example.test>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

I would keep the hedge on the north side, because
",
    },
    Letter {
        owner: "alice",
        place: Place::Inbox,
        stand: Stand::Unread,
        hours_ago: 1,
        text: LUNCH,
    },
    Letter {
        owner: "bob",
        place: Place::Inbox,
        stand: Stand::Read,
        hours_ago: 120,
        text: "From: accounts@elsewhere.test
To: Bob Baker <bob@example.test>
Subject: =?iso-8859-1?Q?Rechnung_Nr=2E_4711_=FCber_17,50_=80?=
Date: Sat, 14 Nov 2026 10:00:00 +0100
Message-ID: <4711@elsewhere.test>
MIME-Version: 1.0
Content-Type: text/plain; charset=iso-8859-15
Content-Transfer-Encoding: quoted-printable

Betrag: 17,50 =A4, f=E4llig in vierzehn Tagen.
",
    },
    Letter {
        owner: "bob",
        place: Place::Inbox,
        stand: Stand::Flagged,
        hours_ago: 100,
        text: "From: =?utf-8?B?2YXYrdmF2K8=?= <mohammed@elsewhere.test>
To: bob@example.test
Subject: =?utf-8?B?2YXYsdit2KjYpw==?=
Date: Sun, 15 Nov 2026 07:00:00 +0300
Message-ID: <marhaba@elsewhere.test>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

2YXYsdit2KjYpyDZitinINio2YjYqA0K
",
    },
    Letter {
        owner: "bob",
        place: Place::Inbox,
        stand: Stand::Read,
        hours_ago: 26,
        text: r#"From: carol@example.test
To: bob@example.test
Subject: A letter in a letter in a letter
Date: Wed, 18 Nov 2026 15:00:00 +0100
Message-ID: <nested.1@example.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

--outer
Content-Type: text/plain

See below.
--outer
Content-Type: message/rfc822
Content-Disposition: attachment; filename="forwarded.eml"

From: dave@elsewhere.test
To: carol@example.test
Subject: The middle one
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="inner"

--inner
Content-Type: message/rfc822

From: erin@elsewhere.test
To: dave@elsewhere.test
Subject: The innermost one

Found!
--inner--
--outer--
"#,
    },
    Letter {
        owner: "bob",
        place: Place::Inbox,
        stand: Stand::Unread,
        hours_ago: 8,
        text: r#"From: Build <build@elsewhere.test>
To: bob@example.test
Subject: Build 1187 failed
Date: Thu, 19 Nov 2026 05:55:00 +0000
Message-ID: <build.1187@elsewhere.test>
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="log"

--log
Content-Type: text/plain; charset=utf-8

3 of 214 tests failed.
--log
Content-Type: application/x-gzip; name="log.gz"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="log.gz"; size=34

H4sIAAAAAAAAA0tMTElNy8xLVchILUrlAgAAAP//AwDoWqOPEAAAAA==
--log--
"#,
    },
    Letter {
        owner: "bob",
        place: Place::Sent,
        stand: Stand::Read,
        hours_ago: 1,
        text: LUNCH,
    },
    Letter {
        owner: "bob",
        place: Place::Inbox,
        stand: Stand::Unread,
        hours_ago: 0,
        text: LUNCH_ANSWER,
    },
    Letter {
        owner: "carol",
        place: Place::Inbox,
        stand: Stand::Read,
        hours_ago: 200,
        text: "From: bob@example.test
To: carol@example.test
Message-ID: <nosubject@example.test>
Date: Tue, 10 Nov 2026 10:10:10 +0100

This one has no subject at all.
",
    },
    Letter {
        owner: "carol",
        place: Place::Inbox,
        stand: Stand::Answered,
        hours_ago: 45,
        text: r#"From: "Baker, Bob" <bob@example.test>
To: "People of the garden": alice@example.test, carol@example.test;
Reply-To: Plans <plans@example.test>
Subject: A group address, a comment, and a very long subject that has to be folded because it does
 not fit into one line of a letter
Date: Tue, 17 Nov 2026 13:13:13 +0100 (a comment)
Message-ID: <group.1@example.test>
X-Priority: 1
MIME-Version: 1.0 (as it must be)
Content-Type: text/plain; charset="utf-8" (the usual)

Odd things in the header must not break anything.
"#,
    },
    Letter {
        owner: "carol",
        place: Place::Inbox,
        stand: Stand::Unread,
        hours_ago: 15,
        text: r#"From: alice@example.test
To: carol@example.test
Subject: Signed: the order for the pear trees
Date: Wed, 18 Nov 2026 20:00:00 +0100
Message-ID: <signed.1@example.test>
MIME-Version: 1.0
Content-Type: multipart/signed; micalg=pgp-sha256;
 protocol="application/pgp-signature"; boundary="signed"

--signed
Content-Type: text/plain; charset=us-ascii

Two pears, one quince. Please deliver in February.
--signed
Content-Type: application/pgp-signature; name="signature.asc"
Content-Description: a sample, not a valid signature

-----BEGIN PGP SIGNATURE-----

c2FtcGxlIG9ubHksIG5vdCBhIHNpZ25hdHVyZQ==
-----END PGP SIGNATURE-----
--signed--
"#,
    },
    Letter {
        owner: "carol",
        place: Place::Inbox,
        stand: Stand::Unread,
        hours_ago: 12,
        text: r#"From: digest@lists.elsewhere.test
To: carol@example.test
Subject: Digest of Tuesday
Date: Wed, 18 Nov 2026 23:00:00 +0000
Message-ID: <digest.1@lists.elsewhere.test>
MIME-Version: 1.0
Content-Type: multipart/digest; boundary="digest"

--digest

From: ann@elsewhere.test
Subject: Compost

Turn it twice a year.
--digest

From: ben@elsewhere.test
Subject: Re: Compost

Or never.
--digest--
"#,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_has_a_header_and_a_body_and_its_own_place() {
        assert!(ALL.len() >= 20);
        for letter in ALL {
            let bytes = letter.bytes();
            let text = String::from_utf8(bytes).unwrap();
            assert!(
                text.starts_with("From: ") && text.contains("\r\n\r\n"),
                "{text}"
            );
            assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
        }
    }

    #[test]
    fn no_line_is_longer_than_a_letter_may_have() {
        for letter in ALL {
            assert!(letter.text.lines().all(|line| line.len() <= 998));
        }
    }
}
