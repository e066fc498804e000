//! The table of rules: name, tenths of a point, the test, and the reason as people read it.
//!
//! A rule looks at one thing and says nothing of others. What is for a letter counts little, since
//! whoever sends unwanted mail reads this table too; what a letter's own domain has proved is the
//! exception. Weights are set with sorted letters (`examples/spam_bench.rs`): a wanted letter in
//! Junk is worse than many unwanted ones elsewhere.
//!
//! Start at [`RULES`].

use super::Case;
use super::attachment::Attachment;
use super::content::domain_of;
use crate::examination::authentication::Outcome;
use formats::message::base_subject::BaseSubject;
use memchr::memmem;

/// One line of the table.
pub struct Rule {
    /// Capitals and `_`; it never changes its meaning.
    pub name: &'static str,
    /// How much it counts.
    pub tenths: i32,
    /// True when it holds.
    pub holds: fn(&Case<'_>) -> bool,
    /// Why that counts.
    pub reason: &'static str,
}

const fn rule(
    name: &'static str,
    tenths: i32,
    holds: fn(&Case<'_>) -> bool,
    reason: &'static str,
) -> Rule {
    Rule {
        name,
        tenths,
        holds,
        reason,
    }
}

/// Seconds by which a clock may be wrong, with a time zone misunderstood.
const DATE_AHEAD_SECONDS: i64 = 13 * 3600;
/// Seconds that a letter may be on its way: the queue of others gives up after five days.
const DATE_BEHIND_SECONDS: i64 = 6 * 24 * 3600;
/// Characters below which a text is short.
const SHORT_CHARS: usize = 80;
/// Invisible characters that no text needs.
const INVISIBLE_MAX: usize = 4;
/// Letters from which on capitals are shouting.
const SHOUTED_LETTERS: usize = 10;

/// All rules.
#[rustfmt::skip] // A table: what counts how much is to be seen at a glance.
pub const RULES: &[Rule] = &[
    // Who wrote it.
    rule("AUTHOR_PROVEN", -5, |c| c.authentication.dmarc == Outcome::Pass,
        "the author's domain says that the letter is its own"),
    rule("AUTHOR_FORGED", 35, |c| c.authentication.dmarc == Outcome::Fail,
        "the author's domain says that the letter is not its own"),
    rule("SENDER_FORBIDDEN", 20, |c| c.authentication.spf == Outcome::Fail,
        "the sender's domain does not let this server send for it"),
    rule("SENDER_DOUBTED", 5, |c| c.authentication.spf == Outcome::SoftFail,
        "the sender's domain does not expect this server to send for it"),
    rule("SIGNATURE_BROKEN", 3, is_signature_broken,
        "no signature of the letter holds"),
    rule("NOTHING_PROVEN", 8, is_nothing_proven,
        "nothing shows whose letter it is"),
    rule("SEALS_BROKEN", 5, |c| c.authentication.arc == Outcome::Fail,
        "the seals of those who passed the letter on are broken"),
    // Who sent it.
    rule("PEER_NAMELESS", 10, |c| c.authentication.reverse == Outcome::Fail,
        "the sending server's address and name do not belong together"),
    rule("GREETING_PLAIN", 10, is_greeting_plain,
        "the sending server calls itself by no full name"),
    rule("GREETING_OURS", 30, |c| c.arrival.greeting.eq_ignore_ascii_case(c.hostname),
        "the sending server calls itself by the name of this one"),
    rule("SENDER_AND_AUTHOR_DIFFER", 5, does_sender_differ,
        "failures are told to another domain than the author's"),
    // The header.
    rule("NO_DATE", 8, |c| !c.content.has_date, "there is no date"),
    rule("DATE_AHEAD", 15, |c| age(c).is_some_and(|age| age < -DATE_AHEAD_SECONDS),
        "the date lies in the future"),
    rule("DATE_LONG_AGO", 8, |c| age(c).is_some_and(|age| age > DATE_BEHIND_SECONDS),
        "the date lies long ago"),
    rule("NO_MESSAGE_ID", 8, |c| !c.content.has_name, "the letter has no name of its own"),
    rule("NO_SUBJECT", 5, |c| subject(c).trim().is_empty(), "there is no subject"),
    rule("NOT_ADDRESSED", 3, |c| !c.content.is_addressed,
        "the letter names nobody whom it is for"),
    rule("SUBJECT_SHOUTS", 15, is_shouting, "the subject is all capitals"),
    rule("SUBJECT_FALSE_REPLY", 3, is_false_reply,
        "the subject claims an answer, but the letter answers none"),
    rule("SUBJECT_HIDES", 15, |c| invisible(subject(c)) > 0,
        "the subject has characters that nobody sees"),
    rule("NAME_IS_OTHER_ADDRESS", 20, is_name_other_address,
        "the author's name is an address of another domain"),
    rule("ANSWERS_ELSEWHERE", 10, do_answers_go_elsewhere,
        "answers go to another domain than the author's"),
    rule("ANSWERS_US", -10, is_answer_to_us,
        "the letter answers one that was written here"),
    // The text.
    rule("ONLY_HTML", 5, |c| c.content.has_html && !c.content.has_plain,
        "there is no plain text beside the page"),
    rule("TEXT_HIDES", 15, |c| invisible(&c.content.text) > INVISIBLE_MAX,
        "the text has characters that nobody sees"),
    rule("LITTLE_BUT_LINK", 15, |c| is_short(c) && !c.content.links.is_empty(),
        "there is hardly more than a link"),
    rule("LITTLE_BUT_PICTURE", 20, |c| is_short(c) && c.content.has_pictures,
        "there is hardly more than a picture"),
    rule("FRAUD_PHRASES", 25, |c| phrases(&c.content.flat, &FRAUDS) >= 2,
        "several phrases of known frauds"),
    rule("SALES_PHRASES", 20, |c| phrases(&c.content.flat, &SALES) >= 2,
        "several phrases of those who sell what nobody asked for"),
    // Links.
    rule("LINK_DISGUISED", 20, |c| c.content.links.iter().any(|link| link.is_disguised),
        "a link shows another host than it leads to"),
    rule("LINK_TO_NUMBER", 25, |c| c.content.links.iter().any(super::link::Link::is_numeric),
        "a link leads to a number instead of a name"),
    rule("LINK_WITH_USER", 20, |c| c.content.links.iter().any(|link| link.has_user),
        "a link hides its host behind a user's name"),
    // Attached files.
    rule("FILE_PROGRAM", 60, |c| any_file(c, Attachment::is_program),
        "an attached file is a program"),
    rule("FILE_MASKED", 40, |c| any_file(c, Attachment::is_masked),
        "an attached program looks like a document"),
    rule("FILE_MACROS", 20, |c| any_file(c, Attachment::has_macros),
        "an attached document holds programs"),
    rule("FILE_PAGE", 15, |c| any_file(c, Attachment::is_page),
        "an attached file is a page that a browser runs"),
];

/// Pieces of letters that promise money or threaten; in lower case.
const FRAUDS: [&str; 20] = [
    "million dollars",
    "million usd",
    "million euro",
    "next of kin",
    "transfer of funds",
    "inheritance fund",
    "beneficiary of",
    "lottery",
    "western union",
    "bitcoin wallet",
    "btc wallet",
    "your account has been suspended",
    "your account will be suspended",
    "verify your account",
    "confirm your password",
    "your mailbox is full",
    "upgrade your mailbox",
    "i have recorded you",
    "strictly confidential",
    "dear beneficiary",
];

/// Pieces of letters that press one to buy; in lower case. None of them by itself says much.
const SALES: [&str; 32] = [
    "100% free",
    "absolutely free",
    "act now",
    "anti-aging",
    "be your own boss",
    "bulk email",
    "call now",
    "consolidate your debt",
    "credit card debt",
    "dear friend",
    "earn money",
    "extra income",
    "financial freedom",
    "increase your sales",
    "investment opportunity",
    "limited time offer",
    "lose weight",
    "lowest rate",
    "make money",
    "money back guarantee",
    "money-back guarantee",
    "no obligation",
    "one time mailing",
    "one-time mailing",
    "refinance",
    "removed from our",
    "risk free",
    "risk-free",
    "serious inquiries",
    "this is not spam",
    "weight loss",
    "you have been selected",
];

fn subject<'a>(case: &Case<'a>) -> &'a str {
    case.content.subject.as_deref().unwrap_or_default()
}

fn age(case: &Case<'_>) -> Option<i64> {
    let sent = case.content.sent_seconds?;
    Some(case.now.seconds().saturating_sub(sent))
}

fn is_signature_broken(case: &Case<'_>) -> bool {
    let mut all = case.authentication.signatures.iter();
    let failed = all.clone().any(|one| one.outcome == Outcome::Fail);
    failed && !all.any(|one| one.outcome == Outcome::Pass)
}

fn is_nothing_proven(case: &Case<'_>) -> bool {
    let authentication = case.authentication;
    let is_unknown = |outcome| matches!(outcome, Outcome::None | Outcome::Neutral);
    authentication.signatures.is_empty()
        && is_unknown(authentication.spf)
        && is_unknown(authentication.dmarc)
}

fn is_greeting_plain(case: &Case<'_>) -> bool {
    let greeting = &case.arrival.greeting;
    !greeting.starts_with('[') && !greeting.trim_end_matches('.').contains('.')
}

/// Mass mailings have senders of their own, and say that they are such.
fn does_sender_differ(case: &Case<'_>) -> bool {
    let sender = domain_of(&case.arrival.sender).to_lowercase();
    let author = case.content.author.domain();
    !sender.is_empty()
        && !case.content.is_from_list
        && case.authentication.dmarc != Outcome::Pass
        && !is_related(&sender, author)
}

fn is_related(one: &str, other: &str) -> bool {
    let is_below = |low: &str, high: &str| {
        low.strip_suffix(high)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    is_below(one, other) || is_below(other, one)
}

fn is_shouting(case: &Case<'_>) -> bool {
    let subject = subject(case);
    let letters = subject.chars().filter(|c| c.is_alphabetic());
    let cased = letters.filter(|c| c.is_uppercase() || c.is_lowercase());
    cased.clone().count() >= SHOUTED_LETTERS && cased.clone().all(char::is_uppercase)
}

fn is_false_reply(case: &Case<'_>) -> bool {
    BaseSubject::of_text(subject(case)).is_reply && case.content.answers.is_empty()
}

/// Zero widths, and marks that turn the direction of reading. Joiners within words of scripts that
/// need them, and in pictures, are not counted.
fn invisible(text: &str) -> usize {
    let is_invisible = |c: &char| {
        matches!(
            c,
            '\u{200b}' | '\u{2060}' | '\u{00ad}' | '\u{feff}' | '\u{202d}' | '\u{202e}'
        )
    };
    text.chars().filter(is_invisible).count()
}

fn is_name_other_address(case: &Case<'_>) -> bool {
    let author = &case.content.author;
    let words = author
        .name
        .split(|c: char| c.is_whitespace() || "<>()\"'".contains(c));
    let mut addresses = words.filter(|word| word.contains('@') && word.contains('.'));
    // Lists write their own address behind the author's.
    !case.content.is_from_list
        && addresses.any(|word| !is_related(&domain_of(word).to_lowercase(), author.domain()))
}

fn do_answers_go_elsewhere(case: &Case<'_>) -> bool {
    let reply_to = case.content.reply_to.as_ref();
    !case.content.is_from_list
        && reply_to.is_some_and(|to| !is_related(to.domain(), case.content.author.domain()))
}

fn is_answer_to_us(case: &Case<'_>) -> bool {
    let ours = format!("@{}>", case.hostname);
    let ids = case.content.answers.iter();
    ids.map(|id| format!("{}>", id.trim_end_matches('>')))
        .any(|id| id.to_lowercase().ends_with(&ours.to_lowercase()))
}

fn is_short(case: &Case<'_>) -> bool {
    let seen = case.content.text.chars().filter(|c| !c.is_whitespace());
    case.content.attachments.is_empty() && seen.take(SHORT_CHARS).count() < SHORT_CHARS
}

fn phrases(flat: &str, known: &[&str]) -> usize {
    let stands = |phrase: &&&str| memmem::find(flat.as_bytes(), phrase.as_bytes()).is_some();
    known.iter().filter(stands).count()
}

fn any_file(case: &Case<'_>, is_such: fn(&Attachment) -> bool) -> bool {
    case.content.attachments.iter().any(is_such)
}
