//! What the client writes: letters, answers, and letters made of others.
//!
//! Standards: RFC 9051 §6.3.12, RFC 3502, RFC 4469, RFC 8508.

use crate::model::{FLAGS, Flags, Message};
use crate::{Session, set};

impl Session {
    /// What is there in the beginning; INBOX is open.
    pub fn begin(&mut self) {
        for (index, subjects) in ["abca", "ab", "bc"].into_iter().enumerate() {
            for (subject, flag) in subjects.chars().zip(FLAGS.iter().cycle()) {
                self.append_new(index, &[subject], flag);
            }
        }
        // One to an answer, and two to what is elsewhere.
        for (from, index) in [(0, 0), (0, 4), (2, 0), (2, 0)] {
            self.answer(0, from, index);
        }
        self.select(0, false);
    }

    /// A letter of this subject, perhaps an answer to another.
    pub fn letter(&mut self, subject: char, answered: Option<&Message>) -> String {
        self.written += 1;
        let id = format!("Message-ID: <m{}@x.example>\r\n", self.written);
        let Some(answered) = answered else {
            return format!("Subject: {subject}\r\n{id}\r\nx\r\n");
        };
        let answered = answered.id();
        let answered = answered.map(|id| format!("In-Reply-To: <m{id}@x.example>\r\n"));
        let answered = answered.unwrap_or_default();
        format!("Subject: Re: {subject}\r\n{id}{answered}\r\nx\r\n")
    }

    pub fn answer(&mut self, to: usize, from: usize, index: usize) {
        let messages = &self.boxes[from].messages;
        let Some(index) = index.checked_rem(messages.len()) else {
            return;
        };
        let answered = messages[index].clone();
        let letter = self.letter(answered.subject().unwrap(), Some(&answered));
        self.append(to, vec![letter], "work");
    }

    pub fn append_new(&mut self, to: usize, subjects: &[char], flag: &'static str) {
        let letters = subjects.iter().map(|subject| self.letter(*subject, None));
        let letters = letters.collect();
        self.append(to, letters, flag);
    }

    fn append(&mut self, to: usize, letters: Vec<String>, flag: &'static str) {
        let mut text = format!("APPEND {}", self.boxes[to].name);
        let mut added = Vec::new();
        for letter in letters {
            text += &format!(" ({flag}) {{{}+}}\r\n{letter}", letter.len());
            added.push(letter);
        }
        if self
            .limit
            .is_some_and(|most| added.len() > usize::try_from(most).unwrap())
        {
            return self.refused(&text, "NO [MESSAGELIMIT ");
        }
        let add = |letter| self.boxes[to].add(letter, Flags::from([flag]));
        let uids: Vec<u32> = added.into_iter().map(add).collect();
        let (told, tagged) = self.ok(&text);
        assert!(
            tagged.ends_with(&format!(" {}] APPEND completed", set(&uids))),
            "{tagged}"
        );
        self.expect(&text, &told, &self.exists(to));
    }

    pub fn catenate(&mut self, to: usize, from: usize, index: usize) {
        let Some(count) = Some(self.boxes[from].messages.len()).filter(|count| *count > 0) else {
            let url = format!("/{}/;UID=1000", self.boxes[from].name);
            let text = format!("APPEND {} CATENATE (URL \"{url}\")", self.boxes[to].name);
            return self.refused(&text, "NO [BADURL ");
        };
        let source = self.boxes[from].messages[index % count].clone();
        let text = format!(
            "APPEND {} CATENATE (TEXT {{14+}}\r\nSubject: c\r\n\r\n URL \"/{}/;UID={}/;SECTION=TEXT\")",
            self.boxes[to].name, self.boxes[from].name, source.uid
        );
        let (_, body) = source.text.split_once("\r\n\r\n").unwrap();
        let uid = self.boxes[to].add(format!("Subject: c\r\n\r\n{body}"), Flags::new());
        let (told, tagged) = self.ok(&text);
        assert!(
            tagged.ends_with(&format!(" {uid}] APPEND completed")),
            "{tagged}"
        );
        self.expect(&text, &told, &self.exists(to));
    }

    pub fn replace(&mut self, index: usize, to: usize) {
        let verb = self.by_uid("REPLACE");
        let Some((indices, set)) = self.some(index, index, &verb) else {
            return;
        };
        let one = set.split(':').next().unwrap().to_owned();
        let letter = "Subject: a\r\n\r\nnew\r\n";
        let text = format!(
            "{verb} {one} {} (work) {{{}+}}\r\n{letter}",
            self.boxes[to].name,
            letter.len()
        );
        if self.open.is_some_and(|(_, read_only)| read_only) {
            return self.refused(&text, "NO [READ-ONLY]");
        }
        let mut wanted = self.remove(indices);
        let uid = self.boxes[to].add(letter.to_owned(), Flags::from(["work"]));
        wanted.extend(self.exists(to));
        let (told, _) = self.ok(&text);
        let (place, told) = told.split_first().unwrap();
        assert!(
            place.ends_with(&format!(" {uid}] New message is stored")),
            "{place}"
        );
        self.expect(&text, told, &wanted);
    }
}
