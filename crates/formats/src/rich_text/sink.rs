//! What becomes of the text of a document: HTML that it encloses, plain text, HTML made of it.

/// How a run of text looks, as far as it is kept: a set of marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Look(u8);

impl Look {
    pub(super) const BOLD: Self = Self(1);
    pub(super) const ITALIC: Self = Self(2);
    pub(super) const UNDERLINED: Self = Self(4);
    pub(super) const STRUCK: Self = Self(8);

    /// The same with a mark, or without it.
    pub(super) fn with(self, mark: Self, is_set: bool) -> Self {
        if is_set {
            Self(self.0 | mark.0)
        } else {
            Self(self.0 & !mark.0)
        }
    }

    /// The elements that say so, from the outside in.
    fn elements(self) -> impl DoubleEndedIterator<Item = &'static str> {
        let all = [
            (Self::BOLD, "b"),
            (Self::ITALIC, "i"),
            (Self::UNDERLINED, "u"),
            (Self::STRUCK, "s"),
        ];
        let set = all
            .into_iter()
            .filter(move |(mark, _)| self.0 & mark.0 != 0);
        set.map(|(_, name)| name)
    }
}

/// What the output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Markup that stands in the document: nothing is escaped.
    EnclosedHtml,
    /// Plain text.
    Text,
    /// Plain text, with what stands beside the pages' text.
    Words,
    /// Markup made of how the document looks.
    Html,
}

/// Output under way.
#[derive(Debug)]
pub(super) struct Sink {
    form: Form,
    text: String,
    bytes_max: usize,
    look: Look,
    is_full: bool,
}

impl Sink {
    pub(super) fn new(form: Form, bytes_max: usize) -> Self {
        Self {
            form,
            text: String::new(),
            bytes_max,
            look: Look::default(),
            is_full: false,
        }
    }

    pub(super) fn form(&self) -> Form {
        self.form
    }

    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    pub(super) fn finish(mut self) -> String {
        self.change_look(Look::default());
        self.text
    }

    fn put(&mut self, text: &str) {
        // Closing elements are the last that find room.
        if self.text.len().saturating_add(text.len()) > self.bytes_max {
            self.is_full = true;
        }
        if !self.is_full {
            self.text.push_str(text);
        }
    }

    pub(super) fn text(&mut self, text: &str, look: Look) {
        if self.form != Form::Html {
            return self.put(text);
        }
        self.change_look(look);
        for character in text.chars() {
            match character {
                '&' => self.put("&amp;"),
                '<' => self.put("&lt;"),
                '>' => self.put("&gt;"),
                '\u{a0}' => self.put("&nbsp;"),
                other => self.put(other.encode_utf8(&mut [0; 4])),
            }
        }
    }

    /// A sign that HTML has a name for.
    pub(super) fn named(&mut self, character: char, entity: &str, look: Look) {
        if self.form == Form::EnclosedHtml {
            self.put(entity);
        } else {
            self.text(character.encode_utf8(&mut [0; 4]), look);
        }
    }

    pub(super) fn line_end(&mut self) {
        self.put(if self.form == Form::Html {
            "<br>\r\n"
        } else {
            "\r\n"
        });
    }

    pub(super) fn tab(&mut self) {
        self.put("\t");
    }

    fn change_look(&mut self, look: Look) {
        if self.form != Form::Html || self.look == look {
            return;
        }
        let (before, behind) = (self.look, look);
        for element in before.elements().rev() {
            self.put(&format!("</{element}>"));
        }
        for element in behind.elements() {
            self.put(&format!("<{element}>"));
        }
        self.look = look;
    }
}
