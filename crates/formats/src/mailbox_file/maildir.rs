//! Maildir: a file for each letter, whose name carries the flags; with the lists that Dovecot keeps
//! beside them.
//!
//! Start at [`FileName::parse`]; [`keywords`] and [`UidList::parse`] read `dovecot-keywords` and
//! `dovecot-uidlist`. Source: the Maildir specification (cr.yp.to/proto/maildir.html) and Dovecot's
//! documentation of its additions.

/// Keywords that the letters `a` to `z` can stand for.
pub const KEYWORDS_MAX: usize = 26;
/// Letters of one folder that a list may name; more than any folder that was ever seen.
const UID_LIST_ENTRIES_MAX: usize = 10_000_000;

/// The name of a letter's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileName {
    /// Everything before the flags; does not change when they do.
    pub unique: String,
    /// Bytes of the letter with CRLF line ends, where the name says so (`,W=`).
    pub wire_size: Option<u64>,
    /// The flags; in `new` there are none.
    pub flags: Flags,
    /// The letters `a` to `z` in use, as bits from the lowest.
    pub keywords: u32,
}

/// The flags of a letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "the format has six independent flags"
)]
pub struct Flags {
    /// `D`
    pub draft: bool,
    /// `F`
    pub flagged: bool,
    /// `P`: forwarded.
    pub passed: bool,
    /// `R`
    pub replied: bool,
    /// `S`
    pub seen: bool,
    /// `T`
    pub trashed: bool,
}

impl FileName {
    /// Reads the name of a file in `cur` or `new`; unknown flags are passed over.
    pub fn parse(name: &str) -> Self {
        let (unique, info) = name.split_once(":2,").unwrap_or((name, ""));
        let mut parsed = Self {
            unique: unique.to_owned(),
            ..Self::default()
        };
        let mut sizes = unique
            .split(',')
            .filter_map(|field| field.strip_prefix("W="));
        parsed.wire_size = sizes.find_map(|size| size.parse().ok());
        for letter in info.bytes() {
            match letter {
                b'D' => parsed.flags.draft = true,
                b'F' => parsed.flags.flagged = true,
                b'P' => parsed.flags.passed = true,
                b'R' => parsed.flags.replied = true,
                b'S' => parsed.flags.seen = true,
                b'T' => parsed.flags.trashed = true,
                b'a'..=b'z' => parsed.keywords |= 1 << (letter - b'a'),
                _ => {}
            }
        }
        parsed
    }

    /// The name in `cur`: flags in the order of the alphabet, as the format demands.
    pub fn format(&self) -> String {
        let Flags {
            draft,
            flagged,
            passed,
            replied,
            seen,
            trashed,
        } = self.flags;
        let flags = [
            (draft, 'D'),
            (flagged, 'F'),
            (passed, 'P'),
            (replied, 'R'),
            (seen, 'S'),
            (trashed, 'T'),
        ];
        let mut name = format!("{}:2,", self.unique);
        name.extend(
            flags
                .iter()
                .filter(|(set, _)| *set)
                .map(|(_, letter)| letter),
        );
        name.extend(
            ('a'..='z')
                .zip(0..)
                .filter(|(_, bit)| self.keywords >> bit & 1 == 1)
                .map(|(l, _)| l),
        );
        name
    }
}

/// Reads `dovecot-keywords`: which keyword each letter stands for.
pub fn keywords(file: &str) -> [Option<String>; KEYWORDS_MAX] {
    let mut names = [const { None }; KEYWORDS_MAX];
    for (number, name) in file.lines().filter_map(|line| line.split_once(' ')) {
        let place = number
            .parse()
            .ok()
            .and_then(|index: usize| names.get_mut(index));
        if let Some(place) = place.filter(|_| !name.is_empty()) {
            *place = Some(name.to_owned());
        }
    }
    names
}

/// Writes `dovecot-keywords`.
pub fn format_keywords<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let lines = names.take(KEYWORDS_MAX).enumerate();
    lines
        .flat_map(|(index, name)| [index.to_string(), format!(" {name}\n")])
        .collect()
}

/// `dovecot-uidlist`: the numbers by which clients know the letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UidList {
    /// UIDVALIDITY.
    pub validity: u32,
    /// UIDNEXT.
    pub next: u32,
    /// In ascending order of UID.
    pub entries: Vec<UidEntry>,
}

/// One letter of a [`UidList`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UidEntry {
    /// Its UID.
    pub uid: u32,
    /// The UIDL that POP3 clients know, where it is not made from the UID.
    pub pop3_uidl: Option<String>,
    /// The name of its file without flags; see [`FileName::unique`].
    pub unique: String,
}

impl UidList {
    /// Reads a list of version 3; `None` for others and for lists whose UIDs do not ascend below
    /// UIDNEXT.
    pub fn parse(file: &str) -> Option<Self> {
        let mut lines = file.lines();
        let mut header = lines.next()?.split(' ');
        if header.next() != Some("3") {
            return None;
        }
        let mut list = Self::default();
        for field in header {
            match field.split_at_checked(1) {
                Some(("V", number)) => list.validity = number.parse().ok()?,
                Some(("N", number)) => list.next = number.parse().ok()?,
                _ => {}
            }
        }
        for line in lines.take(UID_LIST_ENTRIES_MAX) {
            list.entries.push(UidEntry::parse(line)?);
        }
        let ascending = list.entries.is_sorted_by(|one, next| one.uid < next.uid);
        let below_next = list.entries.last().is_none_or(|last| last.uid < list.next);
        (list.validity > 0 && ascending && below_next).then_some(list)
    }
}

impl UidEntry {
    /// `uid [extension …] :name`
    fn parse(line: &str) -> Option<Self> {
        let (fields, name) = line.split_once(" :")?;
        let mut fields = fields.split(' ');
        let uid = fields.next()?.parse().ok().filter(|&uid| uid > 0)?;
        let pop3_uidl = fields
            .find_map(|field| field.strip_prefix('P'))
            .map(str::to_owned);
        let unique = name
            .split_once(":2,")
            .map_or(name, |(unique, _)| unique)
            .to_owned();
        Some(Self {
            uid,
            pop3_uidl,
            unique,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn flags_and_keywords_are_read_from_the_name() {
        let name = FileName::parse("1035478339.M1P2.host,S=100,W=104:2,FRSac");
        assert_eq!(name.unique, "1035478339.M1P2.host,S=100,W=104");
        assert_eq!(name.wire_size, Some(104));
        let flags = Flags {
            flagged: true,
            replied: true,
            seen: true,
            ..Flags::default()
        };
        assert_eq!((name.flags, name.keywords), (flags, 0b101));
        let new = FileName::parse("1035478339.host");
        assert_eq!(
            (new.unique.as_str(), new.flags),
            ("1035478339.host", Flags::default())
        );
    }

    #[test]
    fn dovecots_lists_are_read() {
        let names = keywords("0 $Junk\n25 last\n26 none\nx\n");
        assert_eq!(
            (names[0].as_deref(), names[25].as_deref()),
            (Some("$Junk"), Some("last"))
        );
        assert_eq!(format_keywords(["a", "b"].into_iter()), "0 a\n1 b\n");
        let list = UidList::parse(
            "3 V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1\n\
        25006 :1276528487.host\n25017 W2481 Puidl :1276533073.host:2,S\n",
        )
        .unwrap();
        assert_eq!(
            (list.validity, list.next, list.entries.len()),
            (1_275_660_208, 25_022, 2)
        );
        assert_eq!(list.entries[1].pop3_uidl.as_deref(), Some("uidl"));
        assert_eq!(list.entries[1].unique, "1276533073.host");
    }

    #[test]
    fn lists_that_cannot_be_trusted_are_refused() {
        for bad in [
            "",
            "1 1 2",
            "3 N5",
            "3 V1 N5\n5 :a",
            "3 V1 N5\n2 :a\n2 :b",
            "3 V1 N5\n0 :a",
            "3 V1 N5\nx",
        ] {
            assert_eq!(UidList::parse(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            unique in "[0-9a-zA-Z.,=]{1,40}",
            letters in "[DFPRST]{0,6}[a-z]{0,9}",
        ) {
            let name = FileName::parse(&format!("{unique}:2,{letters}"));
            prop_assert_eq!(FileName::parse(&name.format()), name);
        }
    }
}
