//! The text that a page shows: its operators, followed as far as they move the pen.
//!
//! Where words end is not written in a page; a file only says where letters stand. So a gap is seen
//! where the pen was moved farther than letters of a word stand apart.
//!
//! Source: ISO 32000-1 §7.8.2 (operators), §8.4 (graphics state), §8.10 (forms), §9.2 to §9.4
//! (text).

use super::super::Words;
use super::file::File;
use super::font::Font;
use super::lexer::{Dictionary, Lexer, Token, Value};
use super::matrix::Matrix;
use super::work::Work;
use std::collections::HashMap;
use std::rc::Rc;

/// Forms within forms.
const FORMS_MAX: usize = 12;
/// States that are put aside.
const STATES_MAX: usize = 64;
/// Values before an operator; none takes more than six, but colours may.
const OPERANDS_MAX: usize = 64;
/// Entries of all fonts that are kept, some 50 bytes each.
const FONT_ENTRIES_MAX: usize = 128 * 1024;
/// Parts of the size: a move this far on, back or aside begins another word.
const GAP_ON: f64 = 0.2;
const GAP_BACK: f64 = 0.8;
const GAP_ASIDE: f64 = 0.6;

/// What `q` puts aside.
#[derive(Clone)]
struct State {
    page: Matrix,
    font: Option<Rc<Font>>,
    size: f64,
    letter_spacing: f64,
    word_spacing: f64,
    stretch: f64,
    leading: f64,
}

/// Where the last letter ended, on the page.
#[derive(Clone, Copy)]
struct Pen {
    x: f64,
    y: f64,
    /// False if the width of the last letter is not known.
    is_sure: bool,
}

/// A page or form under way.
struct Frame {
    operators: Vec<u8>,
    at: usize,
    resources: Rc<Dictionary>,
    states: Vec<State>,
    /// States put aside beyond [`STATES_MAX`].
    too_many: usize,
    /// What counts again behind a form.
    before: State,
}

/// Follows pages, one after the other.
pub(super) struct Reader<'a, 'w> {
    file: &'a File<'a>,
    work: &'a Work,
    pub(super) out: &'w mut Words,
    fonts: HashMap<u32, Rc<Font>>,
    state: State,
    line: Matrix,
    text: Matrix,
    pen: Option<Pen>,
    /// True if the pen was moved since the last letter, and not only past it.
    is_moved: bool,
}

const BEGINNING: State = State {
    page: Matrix::IDENTITY,
    font: None,
    size: 0.0,
    letter_spacing: 0.0,
    word_spacing: 0.0,
    stretch: 1.0,
    leading: 0.0,
};

impl<'a, 'w> Reader<'a, 'w> {
    pub(super) fn new(file: &'a File<'a>, work: &'a Work, out: &'w mut Words) -> Self {
        Self {
            file,
            work,
            out,
            fonts: HashMap::new(),
            state: BEGINNING,
            line: Matrix::IDENTITY,
            text: Matrix::IDENTITY,
            pen: None,
            is_moved: false,
        }
    }

    /// Adds the text of a page with these operators.
    pub(super) fn page(&mut self, operators: Vec<u8>, resources: Dictionary) {
        self.state = BEGINNING;
        self.pen = None;
        let mut frames = vec![self.frame(operators, Rc::new(resources))];
        while let Some(mut frame) = frames.pop() {
            let form = self.follow(&mut frame);
            if self.out.is_full() || self.work.is_done() {
                return;
            }
            match form {
                Some(form) if frames.len() < FORMS_MAX => frames.extend([frame, form]),
                Some(_) => frames.push(frame),
                None => self.state = frame.before,
            }
        }
    }

    fn frame(&self, operators: Vec<u8>, resources: Rc<Dictionary>) -> Frame {
        Frame {
            operators,
            at: 0,
            resources,
            states: Vec::new(),
            too_many: 0,
            before: self.state.clone(),
        }
    }

    /// Follows operators to their end, or to a form, which comes first.
    fn follow(&mut self, frame: &mut Frame) -> Option<Frame> {
        let operators = std::mem::take(&mut frame.operators);
        let mut lexer = Lexer::new(&operators, frame.at, self.work);
        let mut operands: Vec<Value> = Vec::new();
        let mut form = None;
        while let Some(token) = lexer.next() {
            let word = match token {
                Token::Value(value) => {
                    if operands.len() < OPERANDS_MAX {
                        operands.push(value);
                    }
                    continue;
                }
                Token::Word(word) => word,
            };
            match word.as_slice() {
                b"ID" => skip_picture(&mut lexer),
                b"Do" => form = self.form(frame, &operands),
                b"q" => put_aside(frame, &self.state),
                b"Q" => self.take_back(frame),
                b"Tf" => self.choose_font(&frame.resources, &operands),
                word => self.operate(word, &operands),
            }
            operands.clear();
            if form.is_some() || self.out.is_full() {
                break;
            }
        }
        frame.at = lexer.at();
        frame.operators = operators;
        form
    }

    fn take_back(&mut self, frame: &mut Frame) {
        if frame.too_many > 0 {
            frame.too_many -= 1;
        } else if let Some(state) = frame.states.pop() {
            self.state = state;
        }
    }

    /// A form that is drawn here; `None` for pictures.
    fn form(&mut self, frame: &Frame, operands: &[Value]) -> Option<Frame> {
        let name = operands.first()?.name()?;
        let all = self.file.value(&frame.resources, "XObject");
        let reference = all.dictionary()?.find(name)?;
        let is_form = |value: &Value| value.dictionary().is_some_and(|d| d.is("Subtype", "Form"));
        if !is_form(&self.file.resolve(reference)) {
            return None;
        }
        let (dictionary, operators) = self.file.stream(reference)?;
        let resources = match self.file.value(&dictionary, "Resources") {
            Value::Dictionary(own) => Rc::new(own),
            _ => Rc::clone(&frame.resources),
        };
        let form = self.frame(operators, resources);
        let matrix = self.file.value(&dictionary, "Matrix");
        if let Some(matrix) = Matrix::of(&numbers(matrix.array().unwrap_or_default())) {
            self.state.page = matrix.then(self.state.page);
        }
        Some(form)
    }

    fn choose_font(&mut self, resources: &Dictionary, operands: &[Value]) {
        let [name, size] = operands else { return };
        self.state.size = size.number().unwrap_or(0.0);
        self.state.font = name.name().and_then(|name| self.font(resources, name));
    }

    fn font(&mut self, resources: &Dictionary, name: &[u8]) -> Option<Rc<Font>> {
        let all = self.file.value(resources, "Font");
        let value = all.dictionary()?.find(name)?;
        let number = match value {
            Value::Reference(number) => Some(*number),
            _ => None,
        };
        if let Some(known) = number.and_then(|number| self.fonts.get(&number)) {
            return Some(Rc::clone(known));
        }
        let value = self.file.resolve(value);
        let font = Rc::new(Font::read(self.file, value.dictionary()?, self.work));
        if let Some(number) = number {
            let kept: usize = self.fonts.values().map(|font| font.entries()).sum();
            if kept > FONT_ENTRIES_MAX {
                self.fonts.clear();
            }
            self.fonts.insert(number, Rc::clone(&font));
        }
        Some(font)
    }

    /// Operators that only need their values.
    fn operate(&mut self, word: &[u8], operands: &[Value]) {
        let numbers = numbers(operands);
        let first = numbers.first().copied().unwrap_or(0.0);
        match (word, numbers.as_slice()) {
            (b"cm", six) => {
                if let Some(matrix) = Matrix::of(six) {
                    self.state.page = matrix.then(self.state.page);
                }
            }
            (b"BT", _) => self.place(Matrix::IDENTITY),
            (b"Tm", six) => {
                if let Some(matrix) = Matrix::of(six) {
                    self.place(matrix);
                }
            }
            (b"Td", [x, y]) => self.place(Matrix::shift(*x, *y).then(self.line)),
            (b"TD", [x, y]) => {
                self.state.leading = -y;
                self.place(Matrix::shift(*x, *y).then(self.line));
            }
            (b"T*", _) => self.next_line(),
            (b"Tc", _) => self.state.letter_spacing = first,
            (b"Tw", _) => self.state.word_spacing = first,
            (b"Tz", _) => self.state.stretch = first / 100.0,
            (b"TL", _) => self.state.leading = first,
            (b"Tj", _) => self.show_all(operands),
            (b"TJ", _) => self.show_all(operands.first().and_then(Value::array).unwrap_or(&[])),
            (b"'", _) => {
                self.next_line();
                self.show_all(operands);
            }
            (b"\"", [word_spacing, letter_spacing]) => {
                self.state.word_spacing = *word_spacing;
                self.state.letter_spacing = *letter_spacing;
                self.next_line();
                self.show_all(operands.get(2..).unwrap_or_default());
            }
            _ => {}
        }
    }

    fn place(&mut self, matrix: Matrix) {
        (self.line, self.text) = (matrix, matrix);
        self.is_moved = true;
    }

    fn next_line(&mut self) {
        self.place(Matrix::shift(0.0, -self.state.leading).then(self.line));
    }

    /// Strings, and moves of the pen between them. Source: ISO 32000-1 §9.4.3 (`TJ`).
    fn show_all(&mut self, pieces: &[Value]) {
        let Some(font) = self.state.font.clone() else {
            return;
        };
        for piece in pieces {
            match piece {
                Value::Text(text) => self.show(&font, text),
                Value::Number(back) => self.advance(&font, -back / 1000.0 * self.state.size),
                _ => {}
            }
        }
    }

    fn show(&mut self, font: &Font, text: &[u8]) {
        font.each(text, &mut |glyph| {
            if !glyph.text.is_empty() {
                self.end_word(font);
                let letters = glyph.text.chars().filter(|letter| !letter.is_control());
                letters.for_each(|letter| self.out.push(letter));
            }
            let mut way = glyph.width.unwrap_or(0.0) * self.state.size + self.state.letter_spacing;
            if glyph.is_blank {
                way += self.state.word_spacing;
            }
            self.advance(font, way);
            let (x, y) = self.origin();
            self.pen = Some(Pen {
                x,
                y,
                is_sure: glyph.width.is_some(),
            });
            self.is_moved = false;
        });
    }

    /// Moves the pen along the line.
    fn advance(&mut self, font: &Font, way: f64) {
        let shift = if font.is_vertical() {
            Matrix::shift(0.0, -way)
        } else {
            Matrix::shift(way * self.state.stretch, 0.0)
        };
        self.text = shift.then(self.text);
    }

    /// Where the pen stands on the page.
    fn origin(&self) -> (f64, f64) {
        let place = self.text.then(self.state.page);
        (place.e, place.f)
    }

    /// A gap, if the pen is not where the last letter ended.
    fn end_word(&mut self, font: &Font) {
        let Some(pen) = self.pen else { return };
        if self.is_moved && !pen.is_sure {
            return self.out.blank();
        }
        let place = self.text.then(self.state.page);
        let (along_x, along_y) = if font.is_vertical() {
            (-place.c, -place.d)
        } else {
            (place.a, place.b)
        };
        let scale = along_x.hypot(along_y);
        let size = (self.state.size * scale).abs();
        let (x, y) = (place.e - pen.x, place.f - pen.y);
        let on = (x * along_x + y * along_y) / scale;
        let aside = ((x * along_y - y * along_x) / scale).abs();
        if on > GAP_ON * size || on < -GAP_BACK * size || aside > GAP_ASIDE * size {
            self.out.blank();
        }
    }
}

fn put_aside(frame: &mut Frame, state: &State) {
    if frame.states.len() < STATES_MAX {
        frame.states.push(state.clone());
    } else {
        frame.too_many += 1;
    }
}

/// A picture among the operators ends with `EI` between blanks. Source: ISO 32000-1 §8.9.7.
fn skip_picture(lexer: &mut Lexer<'_>) {
    let rest = lexer.rest();
    let is_end = |four: &[u8]| {
        let [before, b'E', b'I', behind] = four else {
            return false;
        };
        before.is_ascii_whitespace() && behind.is_ascii_whitespace()
    };
    let end = rest.windows(4).position(is_end);
    lexer.skip(end.map_or(rest.len(), |at| at + 3));
}

fn numbers(values: &[Value]) -> Vec<f64> {
    values.iter().filter_map(Value::number).collect()
}
