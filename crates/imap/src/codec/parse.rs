//! Reads a whole command.
//!
//! Start at [`command`]; APPEND, whose messages are streamed, is read in [`super::append`].
//!
//! Standards: RFC 9051 §9 and the extensions named in [`super::command`].

mod access;
mod metadata;
mod quota;
mod searches;
mod urls;

use super::annotation::AnnotationValue;
use super::command::{
    Access, BatchRequest, Command, FlagChange, ListRequest, Numbering, OpenRequest, Resync,
    StatusItem, StoreItem, StoreRequest, Subscription, Tagged, Transfer,
};
use super::cursor::{Cursor, Parsed, is_astring, is_tag};
use super::fetch::FetchRequest;
use super::mailbox::{MailboxName, NameForm};
use super::notify::NotifyRequest;
use super::pattern::WILDCARDS_MAX;
use super::sequence::SequenceSet;
use super::{Fault, FlagList, SystemFlags};
use crate::quirk;

/// A name that no mailbox has: names hold no control characters.
const NO_NAME: &str = "\0";

/// Flags that one command may name.
pub const FLAGS_MAX: usize = 128;

/// Bytes of a keyword; each is kept for the account for ever.
pub const KEYWORD_BYTES_MAX: usize = 128;

/// Bytes of a tag; it is sent back.
pub const TAG_BYTES_MAX: usize = 256;

/// Pairs in ID. Source: RFC 2971 §3.3.
pub const ID_PAIRS_MAX: usize = 30;

/// Patterns and options in one LIST.
pub const LIST_ARGUMENTS_MAX: usize = 32;

/// Parameters of SELECT; there are no more kinds.
const OPEN_PARAMETERS_MAX: usize = 3;

/// Arguments of LANGUAGE, COMPARATOR and CANCELUPDATE.
pub const WORDS_MAX: usize = 32;

/// The tag at the front of a line, if it has one: then a refusal can carry it.
pub fn tag(line: &[u8]) -> Option<&str> {
    let length = line.iter().position(|b| !is_tag(*b)).unwrap_or(line.len());
    let tag = line
        .get(..length)
        .filter(|tag| (1..=TAG_BYTES_MAX).contains(&tag.len()))?;
    std::str::from_utf8(tag).ok()
}

/// Reads a whole command, with mailbox names in `form`.
pub fn command(bytes: &[u8], form: NameForm) -> Parsed<Tagged> {
    let mut cursor = Cursor::new(bytes);
    let tag = read_tag(&mut cursor)?;
    let name = cursor.word()?.to_ascii_uppercase();
    let mut arguments = Arguments { cursor, form };
    let command = if name == "UID" {
        arguments.cursor.space()?;
        let name = arguments.cursor.word()?.to_ascii_uppercase();
        arguments.numbered(&name, Numbering::Uid)?
    } else {
        arguments.any(&name)?
    };
    arguments.cursor.end()?;
    Ok(Tagged { tag, command })
}

pub(super) fn read_tag(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let tag = tag(cursor.rest())
        .ok_or(Fault::Syntax("Expected a tag"))?
        .to_owned();
    cursor.take(tag.len());
    cursor
        .space()
        .map_err(|_| Fault::Syntax("Expected a command behind the tag"))?;
    Ok(tag)
}

/// What stands behind a command's name.
struct Arguments<'a> {
    cursor: Cursor<'a>,
    form: NameForm,
}

impl Arguments<'_> {
    fn any(&mut self, name: &str) -> Parsed<Command> {
        let plain = match name {
            "CAPABILITY" => Command::Capability,
            "NOOP" => Command::Noop,
            "CHECK" => Command::Check,
            "LOGOUT" => Command::Logout,
            "STARTTLS" => Command::StartTls,
            "UNAUTHENTICATE" => Command::Unauthenticate,
            "IDLE" => Command::Idle,
            "NAMESPACE" => Command::Namespace,
            "CLOSE" => Command::Close,
            "UNSELECT" => Command::Unselect,
            "EXPUNGE" => Command::Expunge(None),
            "LANGUAGE" => Command::Language(self.words()?),
            "COMPARATOR" => Command::Comparator(self.words()?),
            _ => return self.with_arguments(name),
        };
        Ok(plain)
    }

    fn with_arguments(&mut self, name: &str) -> Parsed<Command> {
        match name {
            "LOGIN" => {
                let user = self.text()?;
                Ok(Command::Login(user, self.text()?))
            }
            "AUTHENTICATE" => self.authenticate(),
            "NOTIFY" => {
                self.cursor.space()?;
                NotifyRequest::read(&mut self.cursor, self.form).map(Command::Notify)
            }
            "RESETKEY" => self.reset_key(),
            "GENURLAUTH" => self.authorize_urls(),
            "URLFETCH" => self.fetch_urls(),
            "UIDBATCHES" => self.uid_batches(),
            "COMPRESS" => {
                self.cursor.space()?;
                let mechanism = self.cursor.word()?.to_ascii_uppercase();
                Ok(Command::Compress(mechanism))
            }
            "ENABLE" => self.enable(),
            "ID" => self.id(),
            "SELECT" => self.open(Access::ReadWrite),
            "EXAMINE" => self.open(Access::ReadOnly),
            "CREATE" => self.create(),
            "DELETE" => self.next_mailbox().map(Command::Delete),
            "RENAME" => {
                let from = self.next_mailbox()?;
                Ok(Command::Rename(from, self.next_mailbox()?))
            }
            "SUBSCRIBE" => self.subscribe(Subscription::Subscribed),
            "UNSUBSCRIBE" => self.subscribe(Subscription::Unsubscribed),
            "LIST" => self.list().map(Command::List),
            "XLIST" => self.list().map(Command::Xlist),
            "GETACL" | "SETACL" | "DELETEACL" | "LISTRIGHTS" | "MYRIGHTS" => {
                self.access(name).map(Command::Access)
            }
            "GETMETADATA" | "SETMETADATA" => self.metadata(name).map(Command::Metadata),
            "GETQUOTA" | "GETQUOTAROOT" | "SETQUOTA" => self.quota(name).map(Command::Quota),
            "LSUB" => {
                let reference = self.next_mailbox()?;
                self.cursor.space()?;
                Ok(Command::Lsub(reference, self.pattern_name()?))
            }
            "STATUS" => {
                let mailbox = self.next_mailbox()?;
                self.cursor.space()?;
                Ok(Command::Status(mailbox, status_items(&mut self.cursor)?))
            }
            "ESEARCH" => self.multi_search(),
            "CANCELUPDATE" => match self.words()? {
                tags if tags.is_empty() => Err(Fault::Syntax("Expected a tag in quotes")),
                tags => Ok(Command::CancelUpdate(tags)),
            },
            _ => self.numbered(name, Numbering::Sequence),
        }
    }

    fn numbered(&mut self, name: &str, numbering: Numbering) -> Parsed<Command> {
        const NUMBERED: [&str; 8] = [
            "SEARCH", "SORT", "THREAD", "FETCH", "STORE", "COPY", "MOVE", "EXPUNGE",
        ];
        let known = NUMBERED.contains(&name);
        if !known || (name == "EXPUNGE" && numbering == Numbering::Sequence) {
            return Err(Fault::Syntax("Unknown command"));
        }
        self.cursor.space()?;
        match name {
            "SEARCH" => return self.search(numbering),
            "SORT" => return self.sort(numbering),
            "THREAD" => return self.thread(numbering),
            _ => {}
        }
        let set = SequenceSet::read(&mut self.cursor)?;
        if name == "EXPUNGE" {
            return Ok(Command::Expunge(Some(set)));
        }
        self.cursor.space()?;
        match name {
            "FETCH" => {
                let request = FetchRequest::read(&mut self.cursor)?;
                Ok(Command::Fetch(numbering, set, request))
            }
            "STORE" => {
                let request = store(&mut self.cursor)?;
                Ok(Command::Store(numbering, set, request))
            }
            "MOVE" => Ok(Command::Transfer(
                numbering,
                set,
                self.mailbox()?,
                Transfer::Move,
            )),
            _ => Ok(Command::Transfer(
                numbering,
                set,
                self.mailbox()?,
                Transfer::Copy,
            )),
        }
    }

    fn text(&mut self) -> Parsed<String> {
        self.cursor.space()?;
        self.cursor.text()
    }

    fn mailbox(&mut self) -> Parsed<MailboxName> {
        mailbox(&mut self.cursor, self.form)
    }

    fn next_mailbox(&mut self) -> Parsed<MailboxName> {
        self.cursor.space()?;
        let empty_allowed = self.cursor.accept_word("\"\"");
        if empty_allowed {
            return MailboxName::decode(b"", self.form);
        }
        self.mailbox()
    }

    /// All further arguments, each a word or a string.
    fn words(&mut self) -> Parsed<Vec<String>> {
        let mut words = Vec::new();
        while !self.cursor.at_end() {
            words.push(self.text()?);
            if words.len() > WORDS_MAX {
                return Err(Fault::Limit("Too many arguments"));
            }
        }
        Ok(words)
    }

    fn authenticate(&mut self) -> Parsed<Command> {
        self.cursor.space()?;
        let mechanism = self.cursor.word()?.to_ascii_uppercase();
        if self.cursor.at_end() {
            return Ok(Command::Authenticate(mechanism, None));
        }
        self.cursor.space()?;
        let response = self.cursor.take_while(|b| b.is_ascii_graphic());
        Ok(Command::Authenticate(mechanism, Some(response.to_vec())))
    }

    fn enable(&mut self) -> Parsed<Command> {
        let mut names = Vec::new();
        while names.is_empty() || !self.cursor.at_end() {
            self.cursor.space()?;
            names.push(self.cursor.word()?.to_ascii_uppercase());
            if names.len() > LIST_ARGUMENTS_MAX {
                return Err(Fault::Limit("Too many capabilities"));
            }
        }
        Ok(Command::Enable(names))
    }

    fn uid_batches(&mut self) -> Parsed<Command> {
        self.cursor.space()?;
        let size = self.cursor.nonzero()?;
        let mut batches = None;
        if !self.cursor.at_end() {
            self.cursor.space()?;
            let first = self.cursor.nonzero()?;
            self.cursor.expect(b':', "Expected first:last")?;
            batches = Some((first, self.cursor.nonzero()?));
        }
        Ok(Command::UidBatches(BatchRequest { size, batches }))
    }

    fn id(&mut self) -> Parsed<Command> {
        self.cursor.space()?;
        if self.cursor.accept_word("NIL") {
            return Ok(Command::Id(Vec::new()));
        }
        let pairs = self.cursor.list_or_empty(ID_PAIRS_MAX, |cursor| {
            let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let name = lossy(&cursor.string()?);
            cursor.space()?;
            Ok((name, cursor.nstring()?.map(|value| lossy(&value))))
        })?;
        Ok(Command::Id(pairs))
    }

    fn open(&mut self, access: Access) -> Parsed<Command> {
        let mailbox = self.next_mailbox()?;
        let mut request = OpenRequest {
            mailbox,
            access,
            condstore: false,
            annotate: false,
            resync: None,
        };
        if !self.cursor.at_end() {
            self.cursor.space()?;
            self.cursor.list(OPEN_PARAMETERS_MAX, |cursor| {
                if cursor.accept_word("ANNOTATE") {
                    request.annotate = true;
                } else if cursor.accept_word("QRESYNC ") {
                    request.resync = Some(resync(cursor)?);
                    request.condstore = true;
                } else if cursor.accept_word("CONDSTORE") {
                    request.condstore = true;
                } else {
                    return Err(Fault::Syntax("Unknown SELECT parameter"));
                }
                Ok(())
            })?;
        }
        Ok(Command::Open(request))
    }

    fn create(&mut self) -> Parsed<Command> {
        let mailbox = self.next_mailbox()?;
        if self.cursor.at_end() {
            return Ok(Command::Create(mailbox, Vec::new()));
        }
        self.cursor.space()?;
        self.cursor.expect(b'(', "Expected (USE (…))")?;
        if !self.cursor.accept_word("USE ") {
            return Err(Fault::Syntax("Unknown CREATE parameter"));
        }
        let uses = self.cursor.list_or_empty(LIST_ARGUMENTS_MAX, |cursor| {
            cursor.expect(b'\\', "Expected a special use")?;
            Ok(cursor.word()?.to_owned())
        })?;
        self.cursor.expect(b')', "Expected )")?;
        Ok(Command::Create(mailbox, uses))
    }

    fn subscribe(&mut self, subscription: Subscription) -> Parsed<Command> {
        Ok(Command::Subscribe(self.next_mailbox()?, subscription))
    }

    /// A pattern is a list-mailbox: an astring that may hold wildcards.
    fn pattern(&mut self) -> Parsed<String> {
        Ok(self.pattern_name()?.as_str().to_owned())
    }

    fn pattern_name(&mut self) -> Parsed<MailboxName> {
        let pattern = match self.cursor.peek() {
            Some(b'"' | b'{') => self.cursor.string()?,
            _ => match self
                .cursor
                .take_while(|b| is_astring(b) || matches!(b, b'%' | b'*'))
            {
                b"" => return Err(Fault::Syntax("Expected a pattern")),
                text => text.into(),
            },
        };
        if pattern.iter().filter(|b| matches!(b, b'*' | b'%')).count() > WILDCARDS_MAX {
            return Err(Fault::Limit("Too many wildcards"));
        }
        match MailboxName::decode(&pattern, self.form) {
            // No name can be written like this, so none is listed; that is no fault of the
            // client's.
            Err(Fault::Name(_)) => Ok(MailboxName::from_path(NO_NAME)),
            decoded => decoded,
        }
    }

    fn list(&mut self) -> Parsed<ListRequest> {
        let mut request = ListRequest::default();
        self.cursor.space()?;
        if self.cursor.peek() == Some(b'(') {
            request.extended = true;
            for option in self
                .cursor
                .list_or_empty(LIST_ARGUMENTS_MAX, Cursor::word)?
            {
                select_option(&mut request, option)?;
            }
            if request.recursive && !(request.subscribed || request.special_use) {
                return Err(Fault::Syntax("RECURSIVEMATCH needs another option"));
            }
            self.cursor.space()?;
        }
        let reference = MailboxName::decode(&self.cursor.astring()?, self.form)?;
        reference.as_str().clone_into(&mut request.reference);
        self.cursor.space()?;
        if self.cursor.accept(b'(') {
            request.extended = true;
            while !self.cursor.accept(b')') {
                if !request.patterns.is_empty() {
                    self.cursor.space()?;
                }
                request.patterns.push(self.pattern()?);
                if request.patterns.len() > LIST_ARGUMENTS_MAX {
                    return Err(Fault::Limit("Too many patterns"));
                }
            }
        } else {
            request.patterns.push(self.pattern()?);
        }
        if !self.cursor.at_end() {
            self.return_options(&mut request)?;
        }
        Ok(request)
    }

    fn return_options(&mut self, request: &mut ListRequest) -> Parsed<()> {
        self.cursor.space()?;
        if !self.cursor.accept_word("RETURN ") {
            return Err(Fault::Syntax("Expected RETURN"));
        }
        request.extended = true;
        self.cursor.list_or_empty(LIST_ARGUMENTS_MAX, |cursor| {
            match cursor.word()?.to_ascii_uppercase().as_str() {
                "SUBSCRIBED" => request.return_subscribed = true,
                "CHILDREN" => request.return_children = true,
                "SPECIAL-USE" => request.return_special_use = true,
                "MYRIGHTS" => request.return_rights = true,
                "METADATA" => {
                    cursor.space()?;
                    request.return_metadata = metadata::entries(cursor)?;
                }
                "STATUS" => {
                    cursor.space()?;
                    request.return_status = status_items(cursor)?;
                }
                _ => return Err(Fault::Syntax("Unknown RETURN option")),
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// Reads the name of a mailbox, which is not empty.
pub(super) fn mailbox(cursor: &mut Cursor<'_>, form: NameForm) -> Parsed<MailboxName> {
    let name = cursor.astring()?;
    let name = MailboxName::decode(quirk::without_last_separator(&name), form)?;
    if name.as_str().is_empty() {
        Err(Fault::Name("Mailbox needs a name"))
    } else {
        Ok(name)
    }
}

fn select_option(request: &mut ListRequest, option: &str) -> Parsed<()> {
    match option.to_ascii_uppercase().as_str() {
        "SUBSCRIBED" => {
            request.subscribed = true;
            request.return_subscribed = true;
        }
        "SPECIAL-USE" => {
            request.special_use = true;
            request.return_special_use = true;
        }
        "RECURSIVEMATCH" => request.recursive = true,
        "REMOTE" => {} // Every mailbox is local.
        _ => return Err(Fault::Syntax("Unknown LIST option")),
    }
    Ok(())
}

fn status_items(cursor: &mut Cursor<'_>) -> Parsed<Vec<StatusItem>> {
    cursor.list(LIST_ARGUMENTS_MAX, |cursor| {
        let word = cursor.word()?;
        let found = StatusItem::NAMES
            .iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(word));
        found
            .map(|(item, _)| *item)
            .ok_or(Fault::Syntax("Unknown STATUS item"))
    })
}

/// Source: RFC 7162 §3.2.5 and §7.
fn resync(cursor: &mut Cursor<'_>) -> Parsed<Resync> {
    cursor.expect(b'(', "Expected QRESYNC (…)")?;
    let uid_validity = cursor.nonzero()?;
    cursor.space()?;
    let modseq = cursor.number64()?;
    let mut resync = Resync {
        uid_validity,
        modseq,
        known_uids: None,
        matches: None,
    };
    if cursor.accept(b' ') && cursor.peek() != Some(b'(') {
        resync.known_uids = Some(SequenceSet::read_known(cursor)?);
        cursor.accept(b' ');
    }
    if cursor.accept(b'(') {
        let numbers = SequenceSet::read_known(cursor)?;
        cursor.space()?;
        let uids = SequenceSet::read_known(cursor)?;
        cursor.expect(b')', "Expected )")?;
        if numbers.len() != uids.len() {
            return Err(Fault::Syntax("As many UIDs are needed as numbers"));
        }
        resync.matches = Some((numbers, uids));
    }
    cursor.expect(b')', "Expected )")?;
    Ok(resync)
}

fn store(cursor: &mut Cursor<'_>) -> Parsed<StoreRequest> {
    let mut unchanged_since = None;
    if cursor.accept_word("(UNCHANGEDSINCE ") {
        unchanged_since = Some(cursor.number64()?);
        cursor.expect(b')', "Expected )")?;
        cursor.space()?;
    }
    if cursor.accept_word("ANNOTATION ") {
        let values = AnnotationValue::read_all(cursor)?;
        let values = values.ok_or(Fault::Syntax("Literal is damaged"))?;
        return Ok(StoreRequest {
            item: StoreItem::Annotations(values),
            unchanged_since,
        });
    }
    let change = if cursor.accept(b'+') {
        FlagChange::Add
    } else if cursor.accept(b'-') {
        FlagChange::Remove
    } else {
        FlagChange::Replace
    };
    if !cursor.accept_word("FLAGS") {
        return Err(Fault::Syntax("Expected FLAGS or ANNOTATION"));
    }
    let silent = cursor.accept_word(".SILENT");
    cursor.space()?;
    let flags = if cursor.peek() == Some(b'(') {
        flag_list(cursor)?
    } else {
        bare_flags(cursor)?
    };
    let item = StoreItem::Flags {
        change,
        silent,
        flags,
    };
    Ok(StoreRequest {
        item,
        unchanged_since,
    })
}

/// Reads `(\Seen keyword)`; may be empty.
pub(super) fn flag_list(cursor: &mut Cursor<'_>) -> Parsed<FlagList> {
    let mut flags = FlagList::default();
    cursor.list_or_empty(FLAGS_MAX, |cursor| flag(cursor, &mut flags))?;
    Ok(flags)
}

fn bare_flags(cursor: &mut Cursor<'_>) -> Parsed<FlagList> {
    let mut flags = FlagList::default();
    for _ in 0..FLAGS_MAX {
        flag(cursor, &mut flags)?;
        if cursor.at_end() {
            return Ok(flags);
        }
        cursor.space()?;
    }
    Err(Fault::Limit("Too many flags"))
}

/// Reads one flag.
pub(crate) fn flag(cursor: &mut Cursor<'_>, flags: &mut FlagList) -> Parsed<()> {
    if cursor.peek() == Some(b'\\') {
        let name = cursor.take_while(|b| b == b'\\' || (is_astring(b) && b != b']'));
        // A client may send back what an older server told it; nobody's state is lost by that.
        if name.eq_ignore_ascii_case(b"\\Recent") {
            return Ok(());
        }
        let flag = SystemFlags::named(name).ok_or(Fault::Syntax("Unknown system flag"))?;
        flags.system = flags.system.with(flag);
        return Ok(());
    }
    let keyword = cursor.word()?;
    if keyword.len() > KEYWORD_BYTES_MAX {
        return Err(Fault::Limit("Keyword is too long"));
    }
    if !flags
        .keywords
        .iter()
        .any(|k| k.eq_ignore_ascii_case(keyword))
    {
        flags.keywords.push(keyword.to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::append;
    use proptest::prelude::*;

    fn read(text: &str) -> Parsed<Command> {
        command(format!("a {text}").as_bytes(), NameForm::Utf7).map(|tagged| tagged.command)
    }

    #[test]
    fn good_commands_are_read() {
        for good in [
            "NOOP",
            "noop ",
            "LOGIN alice \"pass word\"",
            "LOGIN {5}\r\nalice {2+}\r\npw",
            "AUTHENTICATE PLAIN AGFsaWNlAHB3",
            "AUTHENTICATE PLAIN =",
            "ENABLE CONDSTORE QRESYNC",
            "ID NIL",
            "ID (\"name\" \"x\" \"version\" NIL)",
            "SELECT INBOX",
            "SELECT INBOX (CONDSTORE)",
            "SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541))",
            "SELECT INBOX (QRESYNC (67890007 90060115194045000 41:211,214:541 (1,3:5 41,45:47)))",
            "SELECT INBOX (QRESYNC (67890007 90060115194045000 (1:2 41,45)))",
            "SELECT &U,BTFw-",
            "CREATE Sent (USE (\\Sent))",
            "RENAME a b",
            "LIST \"\" \"*\"",
            "LIST \"\" %",
            "LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (INBOX a*) RETURN (CHILDREN STATUS (MESSAGES))",
            "LIST \"\" \"\"",
            "LSUB \"\" *",
            "STATUS blurdybloop (UIDNEXT MESSAGES SIZE HIGHESTMODSEQ MAILBOXID DELETED)",
            "UID EXPUNGE 3000:3002",
            "FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])",
            "UID FETCH 1:* FLAGS (CHANGEDSINCE 5 VANISHED)",
            "STORE 2:4 +FLAGS (\\Deleted)",
            "STORE $ (UNCHANGEDSINCE 12) -FLAGS.SILENT \\Seen kw",
            "UID STORE 1 FLAGS ()",
            "COPY 2:4 MEETING",
            "UID MOVE 42:69 foo",
            "SEARCH RETURN (MIN) 1:5 UNSEEN",
            "IDLE",
        ] {
            assert!(read(good).is_ok(), "{good}: {:?}", read(good));
        }
    }

    #[test]
    fn bad_commands_are_refused() {
        for bad in [
            "",
            "FOO",
            "NOOP x",
            "LOGIN a",
            "LOGIN a b c",
            "SELECT",
            "SELECT a b",
            "SELECT a ()",
            "SELECT a (QRESYNC (0 1))",
            "SELECT a (QRESYNC (1 1 1:* ))",
            "SELECT a (QRESYNC (1 1 1:9 (1:2 3)))",
            "SELECT &AGEAYg-",
            "CREATE a (FOO)",
            "LIST a",
            "LIST (RECURSIVEMATCH) \"\" *",
            "LIST (FOO) \"\" *",
            "LIST \"\" * RETURN (FOO)",
            "STATUS a ()",
            "STATUS a (FOO)",
            "STATUS a",
            "UID",
            "UID NOOP",
            "EXPUNGE 1",
            "FETCH 1",
            "STORE 1 FLAGS",
            "STORE 1 FLAGS (\\Foo)",
            "STORE 1 FLAG (\\Seen)",
            "COPY 1",
            "SEARCH",
            "ENABLE",
            "ID",
            "ID (\"a\")",
        ] {
            assert!(read(bad).is_err(), "{bad}: {:?}", read(bad));
        }
    }

    #[test]
    fn a_tag_is_found_where_there_is_one() {
        assert_eq!(tag(b"a1 FOO"), Some("a1"));
        assert_eq!(tag(b" FOO"), None);
        assert_eq!(tag(b"+ FOO"), None);
        assert_eq!(tag(&[b'x'; 300]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = command(&bytes, NameForm::Utf7);
            let _ = append::head(&bytes, NameForm::Utf8);
        }

        #[test]
        fn no_mixture_of_tokens_makes_the_parser_panic(
            tokens in proptest::collection::vec(proptest::sample::select(vec![
                "a ", "UID ", "FETCH ", "SEARCH ", "STORE ", "LIST ", "SELECT ", "1:*", "(", ")",
                " ", "BODY[", "]", "<0.1>", "NOT ", "OR ", "\"", "\\Seen", "{3}\r\n", "RETURN ",
                "HEADER.FIELDS ", "QRESYNC ", "APPEND ", "x", "4294967295", "$", "*", ",", "~{1}",
                "SORT ", "THREAD ", "ESEARCH ", "IN (", "REVERSE ", "DATE", "UTF-8 ", "PARTIAL ",
                "-1:-2", "REFS ", "mailboxes ", "UPDATE", "CANCELUPDATE ",
            ]), 0..30)
        ) {
            let _ = command(tokens.concat().as_bytes(), NameForm::Utf7);
            let _ = append::head(tokens.concat().as_bytes(), NameForm::Utf7);
        }
    }
}
