use super::super::Values;
use super::*;
use crate::codec::data::{EntryId, FlatEntryList};
use crate::convert::set;

fn named<'a>(content: &'a Content, name: &str) -> Option<&'a Value> {
    let wanted = set::internet_header(name);
    content
        .named
        .iter()
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value)
}

fn data(attachment: &Attachment) -> &[u8] {
    attachment.values.binary(0x3701).unwrap()
}

const FIELDS: &[u8] = b"Received: from x\r\nDate: Fri, 14 Jul 2017 04:40:00 +0200\r\n\
        From: Ida Beck <ida@a.example>\r\nSender: bo@a.example\r\n\
        Reply-To: Office <office@a.example>, b@x\r\n\
        To: =?utf-8?Q?J=C3=BCrgen?= <j@b.example>, Team: k@b.example;\r\nCc: c@b.example\r\n\
        Subject: AW: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@a>\r\n\
        References: <r1@x>\r\n <r2@x>\r\nIn-Reply-To: <r2@x>\r\nX-Priority: 1 (Highest)\r\n\
        Importance: low\r\nSensitivity: Private\r\nKeywords: a, b; c\r\n\
        Disposition-Notification-To: <ida@a.example>\r\n\
        Thread-Index: AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==\r\nX-Mailer: M\r\nX-Mailer: N\r\n\
        X-Auto-Response-Suppress: DR, OOF\r\nX-Message-Flag: Follow up\r\n\
        List-Unsubscribe: <mailto:u@x>\r\n\r\nHello\r\n";

#[test]
fn fields_become_properties() {
    let message = content(FIELDS);
    let values = &message.values;
    for (id, wanted) in [
        (0x001a, "IPM.Note"),
        (0x0037, "AW: Grüße"),
        (0x003d, "AW: "),
        (0x0e1d, "Grüße"),
        (0x0070, "Grüße"),
        (0x0042, "Ida Beck"),
        (0x0065, "ida@a.example"),
        (0x0c1f, "bo@a.example"),
        (0x0050, "Office; b@x"),
        (0x1035, "<1@a>"),
        (0x1039, "<r1@x> <r2@x>"),
        (0x1042, "<r2@x>"),
        (0x1045, "<mailto:u@x>"),
        (0x1000, "Hello\r\n"),
    ] {
        assert_eq!(values.text(id), Some(wanted), "{id:04x}");
    }
    let integers = [(0x0017, 0), (0x0036, 2), (0x3fdf, 0x11), (0x1090, 2)];
    for (id, wanted) in integers {
        assert_eq!(values.integer(id), Some(wanted), "{id:04x}");
    }
    let sent = values
        .time(0x0039)
        .map(crate::codec::data::FileTime::to_unix);
    assert_eq!(sent, Some(15_000_000_000_000_000));
    assert!(values.is_set(0x0029));
    assert_eq!(values.binary(0x3013).unwrap().as_ref(), [1; 16]);
    assert!(
        values
            .text(0x007d)
            .unwrap()
            .starts_with("Received: from x\r\n")
    );
}

#[test]
fn fields_without_a_property_are_told_by_their_names() {
    let message = content(FIELDS);
    let keywords = ["a", "b", "c"].map(str::to_owned).to_vec();
    assert_eq!(
        set::find(&message.named, &set::keywords()),
        Some(&Value::MultipleUnicode(keywords))
    );
    assert_eq!(
        named(&message, "X-Mailer"),
        Some(&Value::Unicode("M".to_owned()))
    );
    assert_eq!(named(&message, "Received"), None);
}

#[test]
fn people_become_recipients_and_entries() {
    let message = content(FIELDS);
    let list = FlatEntryList::from_bytes(message.values.binary(0x004f).unwrap()).unwrap();
    assert!(matches!(
        EntryId::from_bytes(&list.0[0]),
        Ok(EntryId::OneOff(_))
    ));
    let recipients = message.recipients.iter().map(|one| {
        (
            one.kind,
            one.values.text(0x3001).unwrap(),
            one.values.text(0x39fe).unwrap(),
        )
    });
    let wanted = [
        (1, "Jürgen", "j@b.example"),
        (1, "k@b.example", "k@b.example"),
        (2, "c@b.example", "c@b.example"),
    ];
    assert_eq!(recipients.collect::<Vec<_>>(), wanted);
}

#[test]
fn the_author_has_sent_it_where_no_one_else_has() {
    let message = content(b"From: Ida <ida@a.example>\r\n\r\n");
    assert_eq!(message.values.text(0x0c1f), Some("ida@a.example"));
    assert_eq!(message.values.text(0x0c1a), Some("Ida"));
}

#[test]
fn prefixes_have_at_most_three_letters() {
    assert_eq!(subject_parts("Re: a: b"), ("Re: ", "a: b"));
    assert_eq!(subject_parts("Antw: a"), ("", "Antw: a"));
    assert_eq!(subject_parts("12: a"), ("", "12: a"));
    assert_eq!(subject_parts("Re:a"), ("", "Re:a"));
    assert_eq!(subject_parts(""), ("", ""));
}

const MIXED: &[u8] = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n\
    --m\r\nContent-Type: multipart/related; boundary=r\r\n\r\n\
    --r\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n\
    --a\r\nContent-Type: text/plain\r\n\r\nplain\r\n\
    --a\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n<p>\xfc</p>\r\n--a--\r\n\
    --r\r\nContent-Type: image/png; name=p.png\r\nContent-ID: <p@x>\r\n\
    Content-Transfer-Encoding: base64\r\n\r\niVBORw==\r\n--r--\r\n\
    --m\r\nContent-Type: text/plain; name=\"a.txt\"\r\nContent-Disposition: attachment;\r\n \
    filename*=utf-8''C%3A%5CGr%C3%BC%C3%9Fe%20an%20alle.text;\r\n \
    creation-date=\"Fri, 14 Jul 2017 04:40:00 +0200\"\r\n\r\nfile\r\n\
    --m\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner text\r\n\
    --m\r\nContent-Type: text/plain\r\n\r\nfooter\r\n--m--\r\n";

#[test]
fn texts_and_attachments_are_told_apart() {
    let message = content(MIXED);
    assert_eq!(message.values.text(0x1000), Some("plain"));
    assert_eq!(
        message.values.binary(0x1013).unwrap().as_ref(),
        b"<p>\xfc</p>"
    );
    assert_eq!(message.values.integer(0x3fde), Some(1252));
    let [picture, file, inner, footer] = message.attachments.as_slice() else {
        panic!("{:?}", message.attachments);
    };
    assert_eq!(data(picture), b"\x89PNG");
    assert_eq!(picture.values.text(0x3712), Some("p@x"));
    assert_eq!(picture.values.text(0x370e), Some("image/png"));
    assert_eq!(picture.values.integer(0x3714), Some(4));
    assert!(picture.values.is_set(0x7ffe));
    assert_eq!(file.values.text(0x3707), Some("Grüße an alle.text"));
    assert_eq!(file.values.text(0x3704), Some("Greana~1.tex"));
    assert_eq!(file.values.text(0x3703), Some(".text"));
    assert_eq!(file.values.integer(0x3705), Some(1));
    assert!(file.values.time(0x3007).is_some() && !file.values.is_set(0x7ffe));
    assert_eq!(data(file), b"file");
    assert_eq!(inner.values.integer(0x3705), Some(5));
    assert_eq!(inner.values.text(0x3001), Some("inner"));
    let embedded = inner.embedded.as_deref().unwrap();
    assert_eq!(embedded.values.text(0x1000), Some("inner text"));
    assert_eq!(data(footer), b"footer");
    let numbers: Vec<_> = message.attachments.iter().map(|one| one.number).collect();
    assert_eq!(numbers, [0, 1, 2, 3]);
}

#[test]
fn what_is_signed_stays_in_one_piece() {
    let letter = b"Subject: s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed;\r\n\
        \tboundary=s; micalg=sha-256\r\nX-A: b\r\n\r\n--s\r\n\r\n Text  \r\n--s\r\n\
        Content-Type: application/pkcs7-signature\r\n\r\nAA==\r\n--s--\r\n";
    let message = content(letter);
    assert_eq!(
        message.values.text(0x001a),
        Some("IPM.Note.SMIME.MultipartSigned")
    );
    assert_eq!(message.values.text(0x1000), Some(" Text  "));
    let [only] = message.attachments.as_slice() else {
        panic!("one attachment")
    };
    let entity = data(only);
    assert!(entity.starts_with(b"Content-Type: multipart/signed;\r\n\tboundary=s; micalg"));
    assert!(letter.ends_with(&entity[entity.len() - 80..]));
    assert_eq!(only.values.text(0x370e), Some("multipart/signed"));

    let message = content(
        b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data;\r\n name=smime.p7m\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nMIA=\r\n",
    );
    assert_eq!(message.values.text(0x001a), Some("IPM.Note.SMIME"));
    assert_eq!(data(&message.attachments[0]), b"\x30\x80");
    let mime_tag = message.attachments[0].values.text(0x370e).unwrap();
    assert!(mime_tag.contains("smime-type=enveloped-data"));
}

#[test]
fn reports_have_classes_of_their_own() {
    let class = |report: &str| {
        let letter = format!(
            "Content-Type: multipart/report; report-type={report}; boundary=b\r\n\r\n--b\r\n\r\n\
             x\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\ny\r\n--b--\r\n"
        );
        let message = content(letter.as_bytes());
        assert_eq!(message.attachments.len(), 1);
        message.values.text(0x001a).unwrap().to_owned()
    };
    assert_eq!(class("delivery-status"), "REPORT.IPM.Note.NDR");
    assert_eq!(class("disposition-notification"), "REPORT.IPM.Note.IPNRN");
    assert_eq!(class("other"), "IPM.Note");
}

#[test]
fn letters_within_letters_without_end_are_read_up_to_a_depth() {
    let mut letter = b"Subject: x\r\n\r\nx".to_vec();
    for _ in 0..200 {
        letter = [b"Content-Type: message/rfc822\r\n\r\n".as_slice(), &letter].concat();
    }
    let mut depth = 0;
    let message = content(&letter);
    let mut inner = &message;
    while let Some(embedded) = inner
        .attachments
        .first()
        .and_then(|one| one.embedded.as_deref())
    {
        (inner, depth) = (embedded, depth + 1);
    }
    assert_eq!(depth, DEPTH_MAX);
}
