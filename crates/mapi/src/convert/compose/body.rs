//! The texts of a letter.
//!
//! Source: [MS-OXCMAIL] 2.1.3.4 (bodies), [MS-OXBBODY] 2.1 (which is the best).

use super::super::Values;
use super::super::best::{self, Native};
use super::attachment;
use crate::codec::data::{charset_name, from_code_page};
use crate::content::{Attachment, Content};
use bytes::Bytes;
use formats::message::compose::{Body, Composer, HeaderWriter};

/// UTF-8 by its number.
const UTF_8: u32 = 65001;
/// UTF-16, which no letter may have.
const UTF_16: u32 = 1200;

/// The same text in up to two forms.
#[derive(Debug, Default)]
pub struct Texts {
    plain: Option<String>,
    html: Option<Html>,
}

#[derive(Debug)]
struct Html {
    bytes: Vec<u8>,
    charset: &'static str,
}

impl Texts {
    /// The texts of a message. One with HTML or rich text also gets a plain text, for readers that
    /// show nothing else.
    pub fn of(content: &Content) -> Self {
        let html = match best::native(&content.values) {
            Native::Html | Native::Rtf => Html::of(content),
            Native::Plain | Native::Undefined => None,
        };
        Self {
            plain: best::plain(&content.values),
            html,
        }
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.plain.is_none() && self.html.is_none()
    }

    /// Whether an attachment is a picture, or something like it, within the HTML.
    pub fn shows(&self, attachment: &Attachment) -> bool {
        let Some(html) = &self.html else {
            return false;
        };
        let values = &attachment.values;
        let id = values.text(0x3712);
        let is_rendered = values.integer(0x3714).unwrap_or_default() & RENDERED_IN_BODY != 0;
        let named = id.or_else(|| values.text(0x3713));
        let text = String::from_utf8_lossy(&html.bytes);
        let is_named = named.is_some_and(|name| text.contains(name.trim_matches(['<', '>'])));
        is_named || named.is_some() && is_rendered
    }

    /// Writes them: side by side if there are two, or what calendars read of them, and an empty one
    /// if there is none.
    pub fn write(
        self,
        calendar: Option<&Attachment>,
        header: HeaderWriter,
        composer: &mut Composer<Bytes>,
    ) {
        match (self.plain, self.html, calendar) {
            (None, Some(html), None) => html.write(header, composer),
            (plain, None, None) => write_plain(&plain.unwrap_or_default(), header, composer),
            (plain, html, calendar) => {
                composer.begin_multipart(header, "alternative");
                if let Some(plain) = plain {
                    write_plain(&plain, HeaderWriter::default(), composer);
                }
                if let Some(html) = html {
                    html.write(HeaderWriter::default(), composer);
                }
                if let Some(calendar) = calendar {
                    attachment::alternative(calendar, composer);
                }
                composer.end();
            }
        }
    }
}

/// `attRenderedInBody` of `PidTagAttachFlags`. Source: [MS-OXCMSG] 2.2.2.18.
const RENDERED_IN_BODY: i32 = 0x04;

impl Html {
    fn of(content: &Content) -> Option<Self> {
        let (bytes, code_page) = best::html(&content.values)?;
        let (bytes, code_page) = match code_page {
            UTF_16 => (from_code_page(UTF_16, &bytes).into_bytes(), UTF_8),
            code_page => (bytes, code_page),
        };
        Some(Self {
            bytes,
            charset: charset_name(code_page),
        })
    }

    fn write(self, mut header: HeaderWriter, composer: &mut Composer<Bytes>) {
        header.value("Content-Type", "text/html", &[("charset", self.charset)]);
        composer.leaf(header, Body::Text(self.bytes));
    }
}

fn write_plain(text: &str, mut header: HeaderWriter, composer: &mut Composer<Bytes>) {
    let charset = if text.is_ascii() { "us-ascii" } else { "utf-8" };
    header.value("Content-Type", "text/plain", &[("charset", charset)]);
    composer.leaf(header, Body::Text(with_line_ends(text).into_bytes()));
}

/// Each line ends with CRLF, however the client ended it.
fn with_line_ends(text: &str) -> String {
    let unix = text.replace("\r\n", "\n").replace('\r', "\n");
    unix.replace('\n', "\r\n")
}
