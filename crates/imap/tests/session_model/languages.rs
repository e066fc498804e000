//! Which language the client wants to be spoken to in, and how it wants texts to be compared.
//!
//! Standards: RFC 5255 §3, §4.7; RFC 4647 §3.4; RFC 4790 §3.2.

use crate::Session;

/// What may be asked for.
pub const LANGUAGES: [&str; 6] = ["", "de", "EN-gb", "de i-default", "default", "de fr-CA en"];

/// What may be asked for.
pub const COMPARISONS: [&str; 5] = [
    "",
    "\"cz;*\"",
    "i;octet",
    "\"cz;*\" \"i;*-casemap\"",
    "\"i;ascii*\"",
];

/// The server's, the first of which is meant where nothing else is said.
pub const COMPARATORS: [&str; 3] = ["i;unicode-casemap", "i;ascii-casemap", "i;octet"];

impl Session {
    /// The first language that the server speaks, too.
    pub fn speak(&mut self, wanted: &str) {
        let text = format!("LANGUAGE {wanted}").trim_end().to_owned();
        let spoken = match wanted {
            "" => "en i-default",
            "de" => return self.refused(&text, "NO "),
            "de i-default" => "i-default",
            _ => "en",
        };
        let (told, _) = self.ok(&text);
        self.expect(&text, &told, &[format!("* LANGUAGE ({spoken})")]);
    }

    /// The first comparator that fits; if several do, all of them are told.
    pub fn compare(&mut self, wanted: &str) {
        let text = format!("COMPARATOR {wanted}").trim_end().to_owned();
        let mut all = "";
        match wanted {
            "" => {}
            "\"cz;*\"" => return self.refused(&text, "NO [BADCOMPARATOR]"),
            "i;octet" => self.comparator = COMPARATORS[2],
            "\"i;ascii*\"" => self.comparator = COMPARATORS[1],
            _ => (self.comparator, all) = (COMPARATORS[0], " (i;unicode-casemap i;ascii-casemap)"),
        }
        let (told, _) = self.ok(&text);
        self.expect(
            &text,
            &told,
            &[format!("* COMPARATOR {}{all}", self.comparator)],
        );
    }
}
