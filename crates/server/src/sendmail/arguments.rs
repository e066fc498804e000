//! The options of sendmail, as programs give them: letters with values behind them or after them.
//!
//! Options that only change how Sendmail works inside are taken and do nothing.

use super::input::Dot;
use std::ffi::OsString;

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// A letter comes on standard input.
    Send,
    /// The caller speaks SMTP on standard input and output.
    Dialogue,
    /// What waits is shown.
    ShowQueue,
    /// What waits is tried now: all of it, or what is named as `facteur queue` has it.
    RunQueue(Option<String>),
    /// Aliases are made anew.
    Aliases,
    /// Recipients are checked.
    Verify,
}

/// All that the command line says.
#[derive(Debug, PartialEq, Eq)]
pub struct Arguments {
    /// What is wanted.
    pub mode: Mode,
    /// What a line with only a dot means.
    pub dot: Dot,
    /// `-t`: recipients stand in the header, too.
    pub recipients_in_header: bool,
    /// `-v`: what the server said is shown.
    pub verbose: bool,
    /// `-f`: who is told of failures; empty for nobody.
    pub sender: Option<String>,
    /// `-F`: the name in a From field that is added.
    pub full_name: Option<String>,
    /// `-R`: how much of the letter a failure report brings back.
    pub returning: Option<String>,
    /// `-N`: of what the sender wants to be told.
    pub notify: Option<String>,
    /// `-V`: the sender's own name for the letter.
    pub envelope_id: Option<String>,
    /// Who gets it.
    pub recipients: Vec<String>,
}

/// Options that have a value, here or in the next argument.
const WITH_VALUE: &str = "ABCFLNORVXbfhpr";

/// Options whose value, if any, is in the same argument: Sendmail takes `-o` and `-d` so.
const WITH_VALUE_HERE: &str = "deqo";

/// Options without a value.
const ALONE: &str = "GUimnstv";

impl Arguments {
    fn new() -> Self {
        Self {
            mode: Mode::Send,
            dot: Dot::Ends,
            recipients_in_header: false,
            verbose: false,
            sender: None,
            full_name: None,
            returning: None,
            notify: None,
            envelope_id: None,
            recipients: Vec::new(),
        }
    }

    /// Reads a command line, without the program's name.
    ///
    /// Errors: one line that says what is not understood.
    pub fn parse(words: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut words = words.map(|word| {
            let refuse = |word: OsString| format!("{}: not UTF-8", word.display());
            word.into_string().map_err(refuse)
        });
        let mut all = Self::new();
        let mut is_address = false;
        while let Some(word) = words.next().transpose()? {
            let Some(options) = word.strip_prefix('-').filter(|_| !is_address) else {
                all.recipients.push(word);
                continue;
            };
            match options {
                "-" => is_address = true,
                "" => return Err("-: no option".into()),
                options => all.options(options, &mut words)?,
            }
        }
        Ok(all)
    }

    /// One argument: options without values may stand together, one with a value ends it.
    fn options(
        &mut self,
        options: &str,
        words: &mut impl Iterator<Item = Result<String, String>>,
    ) -> Result<(), String> {
        let mut rest = options.chars();
        while let Some(option) = rest.next() {
            let here = rest.as_str();
            if ALONE.contains(option) {
                self.alone(option);
            } else if WITH_VALUE_HERE.contains(option)
                || (WITH_VALUE.contains(option) && !here.is_empty())
            {
                return self.valued(option, here);
            } else if WITH_VALUE.contains(option) {
                let next = words.next().transpose()?;
                let next = next.ok_or_else(|| format!("-{option} needs a value"))?;
                return self.valued(option, &next);
            } else {
                return Err(format!("-{option}: unknown option"));
            }
        }
        Ok(())
    }

    fn alone(&mut self, option: char) {
        match option {
            'i' => self.dot = Dot::IsText,
            't' => self.recipients_in_header = true,
            'v' => self.verbose = true,
            _ => {}
        }
    }

    fn valued(&mut self, option: char, value: &str) -> Result<(), String> {
        let text = Some(value.to_owned());
        match option {
            'b' => self.mode = mode(value)?,
            'q' => self.mode = Mode::RunQueue(chosen(value)),
            // `-f ''` and `-f '<>'` both mean nobody.
            'f' | 'r' => self.sender = text.filter(|text| text != "<>").or(Some(String::new())),
            'F' => self.full_name = text,
            'R' => self.returning = Some(returning(value)?),
            'N' => self.notify = Some(notify(value)?),
            'V' => self.envelope_id = text,
            'o' if value.starts_with('i') => self.dot = Dot::IsText,
            'O' if value.eq_ignore_ascii_case("IgnoreDots") || is_set(value, "IgnoreDots=") => {
                self.dot = Dot::IsText;
            }
            _ => {}
        }
        Ok(())
    }
}

/// `IgnoreDots=true` and its like.
fn is_set(value: &str, name: &str) -> bool {
    let rest = value.get(name.len()..).unwrap_or_default();
    let has_name = value
        .get(..name.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(name));
    has_name && rest.starts_with(['t', 'T', 'y', 'Y', '1'])
}

/// `-qI` with an entry, `-qR` with recipients or `-qS` with senders, a domain or an address each.
/// What else may stand there says how often: that is the server's own affair.
fn chosen(value: &str) -> Option<String> {
    let (kind, name) = value.split_at_checked(1)?;
    match kind {
        _ if name.is_empty() => None,
        "I" => Some(name.to_owned()),
        "R" | "S" if name.contains('@') => Some(name.to_owned()),
        "R" | "S" => Some(format!("@{name}")),
        _ => None,
    }
}

fn mode(value: &str) -> Result<Mode, String> {
    Ok(match value {
        "m" => Mode::Send,
        "s" => Mode::Dialogue,
        "p" => Mode::ShowQueue,
        "i" => Mode::Aliases,
        "v" => Mode::Verify,
        "d" | "D" => return Err("-bd: the server is run by `facteur serve`".into()),
        _ => return Err(format!("-b{value}: unknown mode")),
    })
}

/// `RET` (RFC 3461 §4.3).
fn returning(value: &str) -> Result<String, String> {
    match value.to_ascii_uppercase() {
        value if value == "FULL" || value == "HDRS" => Ok(value),
        _ => Err(format!("-R {value}: neither full nor hdrs")),
    }
}

/// `NOTIFY` (RFC 3461 §4.1).
fn notify(value: &str) -> Result<String, String> {
    let value = value.to_ascii_uppercase();
    let is_known = |word: &str| matches!(word, "SUCCESS" | "FAILURE" | "DELAY");
    if value == "NEVER" || value.split(',').all(is_known) {
        return Ok(value);
    }
    Err(format!(
        "-N {value}: never, or some of success, failure and delay"
    ))
}
