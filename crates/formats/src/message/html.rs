//! What HTML reads like: plain text for previews and search.
//!
//! Never loads, renders or cleans anything, and its result is not HTML any more. One pass, no
//! recursion; an unclosed tag, comment or script hides what follows it, as a browser would.
//!
//! Start at [`text`]; [`of_text`] is the way back.

use memchr::{memchr, memchr2, memmem};

/// Elements whose content is never read.
const HIDDEN: [&str; 6] = ["script", "style", "head", "title", "template", "noscript"];
/// Elements that begin and end a line.
const BLOCKS: [&str; 22] = [
    "p",
    "div",
    "br",
    "tr",
    "table",
    "li",
    "ul",
    "ol",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "blockquote",
    "pre",
    "section",
    "article",
    "header",
    "footer",
    "td",
];
/// Longest name between `&` and `;` that is looked up.
const ENTITY_BYTES_MAX: usize = 10;

/// The text of `html`, at most `chars_max` characters: blanks joined, blocks on lines of their own.
pub fn text(html: &str, chars_max: usize) -> String {
    let mut text = Text {
        out: String::new(),
        gap: Gap::None,
        chars_left: chars_max,
    };
    let mut rest = html;
    while text.chars_left > 0 && !rest.is_empty() {
        let start = memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
        let (words, markup) = rest.split_at_checked(start).unwrap_or((rest, ""));
        text.push_words(words);
        rest = text.markup(markup);
    }
    text.out
}

/// A page that shows a plain text as it is: lines and blanks are kept.
pub fn of_text(text: &str) -> String {
    let mut page = String::with_capacity(text.len() + text.len() / 8);
    page.push_str("<html><body><div style=\"white-space:pre-wrap\">\r\n");
    for character in text.replace("\r\n", "\n").chars() {
        match character {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            '\n' | '\r' => page.push_str("<br>"),
            other => page.push(other),
        }
    }
    page.push_str("\r\n</div></body></html>\r\n");
    page
}

/// A piece of HTML; together the pieces are the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// Text without markup and entities.
    Text(&'a str),
    /// An entity, and how it is written.
    Sign(char, &'a str),
    /// A tag.
    Markup(Markup<'a>),
    /// What is never read: comments, declarations, whole elements such as `style`.
    Hidden(&'a str),
}

/// A tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Markup<'a> {
    /// Of the element, as written.
    pub(crate) name: &'a str,
    /// Whether it ends the element.
    pub(crate) is_end: bool,
    /// All of it.
    pub(crate) written: &'a str,
}

/// The pieces of `html`.
pub(crate) fn steps(html: &str) -> impl Iterator<Item = Step<'_>> {
    let mut rest = html;
    std::iter::from_fn(move || {
        let (step, behind) = step(rest)?;
        rest = behind;
        Some(step)
    })
}

fn step(html: &str) -> Option<(Step<'_>, &str)> {
    let up_to = |behind: &str| {
        let end = html.len().saturating_sub(behind.len());
        html.get(..end).unwrap_or(html)
    };
    let text_end = memchr2(b'<', b'&', html.as_bytes()).unwrap_or(html.len());
    if text_end > 0 {
        return html
            .split_at_checked(text_end)
            .map(|(text, rest)| (Step::Text(text), rest));
    }
    let inside = html.get(1..)?;
    if html.starts_with('&') {
        return Some(match read_entity(html) {
            Some((character, behind)) => (Step::Sign(character, up_to(behind)), behind),
            None => (Step::Text(up_to(inside)), inside),
        });
    }
    if let Some(comment) = inside.strip_prefix("!--") {
        let behind = behind(comment, "-->");
        return Some((Step::Hidden(up_to(behind)), behind));
    }
    let is_end = inside.starts_with('/');
    let name = inside.strip_prefix('/').unwrap_or(inside);
    let length = name.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let (name, attributes) = name.split_at_checked(length)?;
    if name.is_empty() && !inside.starts_with(['!', '?']) {
        return Some((Step::Text(up_to(inside)), inside));
    }
    let behind = behind_tag(attributes);
    let hidden = HIDDEN
        .iter()
        .find(|hidden| !is_end && name.eq_ignore_ascii_case(hidden));
    if let Some(hidden) = hidden {
        let behind = behind_element(behind, hidden);
        return Some((Step::Hidden(up_to(behind)), behind));
    }
    let written = up_to(behind);
    if name.is_empty() {
        return Some((Step::Hidden(written), behind));
    }
    let markup = Markup {
        name,
        is_end,
        written,
    };
    Some((Step::Markup(markup), behind))
}

/// What stands between the last character and the next.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Gap {
    None,
    Blank,
    Line,
}

struct Text {
    out: String,
    gap: Gap,
    chars_left: usize,
}

impl Text {
    fn push(&mut self, character: char) {
        if character.is_whitespace() {
            return self.widen(Gap::Blank);
        }
        self.close_gap();
        if let Some(left) = self.chars_left.checked_sub(1) {
            self.chars_left = left;
            self.out.push(character);
        }
    }

    fn close_gap(&mut self) {
        let separator = match std::mem::replace(&mut self.gap, Gap::None) {
            Gap::Blank if !self.out.is_empty() => ' ',
            Gap::Line if !self.out.is_empty() => '\n',
            _ => return,
        };
        if let Some(left) = self.chars_left.checked_sub(1) {
            self.chars_left = left;
            self.out.push(separator);
        }
    }

    /// Text without markup and entities. Runs of ASCII without blanks, which most of it is, are
    /// taken as a whole.
    fn push_plain(&mut self, plain: &str) {
        let mut rest = plain;
        while self.chars_left > 0 {
            let end = rest.bytes().position(|byte| !is_of_run(byte));
            let end = end.unwrap_or(rest.len());
            let (run, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
            if !run.is_empty() {
                self.close_gap();
                let room = self.chars_left.min(run.len());
                self.out.push_str(run.get(..room).unwrap_or(run));
                self.chars_left = self.chars_left.saturating_sub(room);
            }
            let mut characters = behind.chars();
            let Some(character) = characters.next() else {
                return;
            };
            if self.chars_left > 0 {
                self.push(character);
            }
            rest = characters.as_str();
        }
    }

    fn widen(&mut self, gap: Gap) {
        if self.gap < gap {
            self.gap = gap;
        }
    }

    fn push_words(&mut self, words: &str) {
        let mut rest = words;
        while self.chars_left > 0 && !rest.is_empty() {
            let start = memchr(b'&', rest.as_bytes()).unwrap_or(rest.len());
            let (plain, entity) = rest.split_at_checked(start).unwrap_or((rest, ""));
            self.push_plain(plain);
            rest = match read_entity(entity) {
                Some((character, behind)) => {
                    self.push(character);
                    behind
                }
                None => match entity.strip_prefix('&') {
                    Some(behind) => {
                        self.push('&');
                        behind
                    }
                    None => "",
                },
            };
        }
    }

    /// Reads one tag, comment or lone `<` at the beginning; answers with what follows.
    fn markup<'a>(&mut self, markup: &'a str) -> &'a str {
        let Some(inside) = markup.strip_prefix('<') else {
            return "";
        };
        if let Some(comment) = inside.strip_prefix("!--") {
            return behind(comment, "-->");
        }
        let name_length = inside
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'!' | b'?'))
            .count();
        let (name, attributes) = inside.split_at_checked(name_length).unwrap_or((inside, ""));
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            self.push('<');
            return inside;
        }
        let rest = behind_tag(attributes);
        let bare = name.trim_matches('/');
        if BLOCKS.iter().any(|block| bare.eq_ignore_ascii_case(block)) {
            self.widen(Gap::Line);
        }
        match HIDDEN
            .iter()
            .find(|hidden| name.eq_ignore_ascii_case(hidden))
        {
            Some(hidden) => behind_element(rest, hidden),
            None => rest,
        }
    }
}

/// Which bytes are ASCII and no blanks, by their value: asked of each byte of a text.
const OF_RUN: [bool; 256] = {
    let mut all = [false; 256];
    let mut rest: &mut [bool] = &mut all;
    let mut byte = 0_u8;
    while let [is_of_run, behind @ ..] = rest {
        *is_of_run = byte.is_ascii() && !byte.is_ascii_whitespace() && byte != b'\x0b';
        byte = byte.wrapping_add(1);
        rest = behind;
    }
    all
};

fn is_of_run(byte: u8) -> bool {
    OF_RUN.get(usize::from(byte)).copied().unwrap_or_default()
}

fn behind<'a>(text: &'a str, end: &str) -> &'a str {
    let found = memmem::find(text.as_bytes(), end.as_bytes());
    found
        .and_then(|start| text.get(start + end.len()..))
        .unwrap_or("")
}

/// Behind the `>` of a tag; quoted attributes may hold one.
fn behind_tag(attributes: &str) -> &str {
    let mut rest = attributes;
    loop {
        let Some(end) = rest
            .bytes()
            .position(|byte| matches!(byte, b'>' | b'"' | b'\''))
        else {
            return "";
        };
        let found = rest.as_bytes().get(end).copied();
        rest = rest.get(end + 1..).unwrap_or("");
        match found {
            Some(b'>') | None => return rest,
            // A quote that is never closed hides nothing.
            Some(quote) => {
                if let Some(close) = memchr(quote, rest.as_bytes()) {
                    rest = rest.get(close + 1..).unwrap_or("");
                } else {
                    return behind(rest, ">");
                }
            }
        }
    }
}

/// Behind `</name …>`.
fn behind_element<'a>(content: &'a str, name: &str) -> &'a str {
    let mut rest = content;
    while let Some(start) = memmem::find(rest.as_bytes(), b"</") {
        rest = rest.get(start + 2..).unwrap_or("");
        let found = rest
            .get(..name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name));
        if found {
            return behind_tag(rest.get(name.len()..).unwrap_or(""));
        }
    }
    ""
}

/// `&name;`, `&#160;` or `&#xA0;` at the beginning, and what follows it.
fn read_entity(text: &str) -> Option<(char, &str)> {
    let inside = text.strip_prefix('&')?;
    let window = inside
        .as_bytes()
        .get(..ENTITY_BYTES_MAX.min(inside.len()))?;
    let end = memchr2(b';', b' ', window)?;
    let name = inside.get(..end)?;
    let rest = inside.get(end..)?.strip_prefix(';')?;
    let character = match name.strip_prefix('#') {
        Some(number) => char::from_u32(match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        })?,
        None => named_entity(name)?,
    };
    Some((
        if character.is_control() {
            ' '
        } else {
            character
        },
        rest,
    ))
}

/// The names that letters use; others stay as they are written.
fn named_entity(name: &str) -> Option<char> {
    const NAMES: [(&str, char); 44] = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
        ("nbsp", ' '),
        ("copy", '©'),
        ("reg", '®'),
        ("trade", '™'),
        ("hellip", '…'),
        ("mdash", '—'),
        ("ndash", '–'),
        ("lsquo", '‘'),
        ("rsquo", '’'),
        ("ldquo", '“'),
        ("rdquo", '”'),
        ("laquo", '«'),
        ("raquo", '»'),
        ("bull", '•'),
        ("middot", '·'),
        ("euro", '€'),
        ("pound", '£'),
        ("yen", '¥'),
        ("cent", '¢'),
        ("sect", '§'),
        ("deg", '°'),
        ("times", '×'),
        ("auml", 'ä'),
        ("ouml", 'ö'),
        ("uuml", 'ü'),
        ("Auml", 'Ä'),
        ("Ouml", 'Ö'),
        ("Uuml", 'Ü'),
        ("szlig", 'ß'),
        ("eacute", 'é'),
        ("egrave", 'è'),
        ("agrave", 'à'),
        ("ccedil", 'ç'),
        ("ntilde", 'ñ'),
        ("aacute", 'á'),
        ("oacute", 'ó'),
        ("zwnj", '\u{200c}'),
        ("zwj", '\u{200d}'),
        ("shy", '\u{ad}'),
    ];
    NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, character)| *character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_vanish_and_blocks_begin_lines() {
        let html = "<html><head><title>T</title><style>p{}</style></head><body><p>Hello \
        <b>big</b>\n  world</p><p>x<br>y</p></body>";
        assert_eq!(text(html, 1000), "Hello big world\nx\ny");
    }

    #[test]
    fn entities_are_decoded() {
        assert_eq!(
            text("a&amp;b &#252; &#xFC; &uuml;&nbsp;&unknown; & c", 100),
            "a&b ü ü ü &unknown; & c"
        );
        assert_eq!(text("&#0;&#x110000;", 100), "&#x110000;");
    }

    #[test]
    fn what_is_hidden_is_not_read() {
        assert_eq!(
            text("a<!-- <b>x</b> -->b<script>if (a</b) {}</script >c", 100),
            "abc"
        );
        assert_eq!(text("a<style>never closed", 100), "a");
        assert_eq!(text("a<!-- never closed", 100), "a");
    }

    #[test]
    fn broken_markup_is_read_like_a_browser_would() {
        assert_eq!(
            text("1 < 2 <a href='>'>x</a> <img alt=\"> y", 100),
            "1 < 2 x y"
        );
        assert_eq!(text("a<b", 100), "a");
    }

    #[test]
    fn the_pieces_are_the_whole() {
        let html = "<!DOCTYPE html><html><head><style>a<b</style></head><p a='>'>x &lt; y & <\
            z<br/></p><!-- c --> 1 < 2 &nope;<i";
        let written = |step: Step<'_>| match step {
            Step::Text(text) | Step::Hidden(text) | Step::Sign(_, text) => text.to_owned(),
            Step::Markup(markup) => markup.written.to_owned(),
        };
        assert_eq!(steps(html).map(written).collect::<String>(), html);
        let names = steps(html).filter_map(|step| match step {
            Step::Markup(markup) => Some((markup.name.to_owned(), markup.is_end)),
            _ => None,
        });
        let names: Vec<_> = names
            .map(|(name, is_end)| format!("{is_end} {name}"))
            .collect();
        assert_eq!(
            names[..3],
            ["false html", "false p", "false z"].map(str::to_owned)
        );
    }

    #[test]
    fn a_plain_text_is_shown_as_it_is() {
        let page = of_text("a < b\r\n\"c\"  d");
        assert!(page.contains("a &lt; b<br>&quot;c&quot;  d"), "{page}");
        assert_eq!(text(&page, 100), "a < b\n\"c\" d");
    }

    #[test]
    fn no_more_characters_than_allowed_come_out() {
        assert_eq!(text("<p>äöü ß</p>", 3), "äöü");
        assert_eq!(text("<p>äöü ß</p>", 0), "");
        assert_eq!(text(&"<".repeat(100_000), 10), "<".repeat(10));
    }
}
