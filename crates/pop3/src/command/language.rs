//! `LANG`: English is what there is. Source: RFC 6856 §3.

use crate::refusal::Refusal;
use crate::session::Session;

/// Lists the languages, or chooses one.
pub(crate) fn run(session: &mut Session, tag: Option<&str>) -> Result<(), Refusal> {
    match tag {
        None => {
            session.ok("Languages follow");
            session.say(&["en English"]);
            session.say(&["."]);
        }
        Some(tag) if tag == "*" || is_english(tag) => session.ok("en Replies are in English"),
        Some(_) => return Err(Refusal::Language),
    }
    Ok(())
}

/// `en`, or English as spoken somewhere (`en-GB`), or what is for everybody (RFC 2277 §4.5).
fn is_english(tag: &str) -> bool {
    let language = tag.split('-').next().unwrap_or_default();
    language.eq_ignore_ascii_case("en") || tag.eq_ignore_ascii_case("i-default")
}
