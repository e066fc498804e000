//! Templates: the dialogs in which a client shows an entry, or asks for what to look for.
//!
//! A template is a list of controls, each with a place and the property that it shows. There is one
//! for people, rooms and mailboxes, one for groups, and one to search with. Their labels are in
//! English whatever the client's language is; a client without a template would show nearly nothing.
//!
//! Source: [MS-OXOABKT] 2.2.2.1 (form), 3.1.5.3; [MS-OXNSPI] 3.1.4.1.18.

use super::CODE_PAGE_UTF_16;
use crate::codec::data::{PropertyTag, TaggedValue, Value, to_code_page};
use crate::codec::nspi::{request, response};
use crate::refusal::Refusal;
use bytes::Bytes;

/// What is asked for is a template, not the script that fills in addresses: `TI_TEMPLATE`.
/// All bits but a few are passed over. Source: [MS-OXNSPI] 3.1.4.1.18.
const TEMPLATE: u32 = 1;
/// `PidTagTemplateData`
const DATA: PropertyTag = PropertyTag(0x0001_0102);
/// The first number of a template: its type. Source: [MS-OXOABKT] 2.2.2.1.1.
const TYPE: u32 = 1;
/// Bytes of the head and of each control. Source: [MS-OXOABKT] 2.2.2.1.1, 2.2.2.1.2.
const HEAD_BYTES: usize = 8;
const CONTROL_BYTES: usize = 36;
/// Characters that may be typed into a field.
const TYPED_MAX: u32 = 256;
/// What may be typed: anything.
const ANYTHING: &str = "*";

/// Display types that have a template. Source: [MS-OXOABK] 2.2.3.11.
const PERSON: u32 = 0;
const LIST: u32 = 1;
const REMOTE: u32 = 6;
const SEARCH: u32 = 0x200;

const NAME: u32 = 0x3001_001f;
const ALIAS: u32 = 0x3a00_001f;
const ADDRESS: u32 = 0x39fe_001f;
const ALL_ADDRESSES: u32 = 0x800f_101f;
const MEMBERS: u32 = 0x8009_000d;
const MEMBER_OF: u32 = 0x8008_000d;

/// Kinds of controls. Source: [MS-OXOABKT] 2.2.2.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Label = 0,
    Edit = 1,
    /// A table that is asked for by the property's name.
    ListBox = 2,
    /// A page, which those that follow stand on.
    Page = 8,
    /// All values of a property.
    Values = 0xb,
}

/// Whether a field can be written into: `DT_EDITABLE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Typing {
    No = 0,
    Yes = 2,
}

/// A control of a dialog, in units of the dialog's font.
#[derive(Debug, Clone, Copy)]
struct Control {
    kind: Kind,
    /// Left, width, top, height.
    place: [u32; 4],
    typing: Typing,
    /// What it shows, if that is a property.
    property: u32,
    text: &'static str,
}

const fn page(text: &'static str) -> Control {
    shown(Kind::Page, [0; 4], 0, text)
}

const fn shown(kind: Kind, place: [u32; 4], property: u32, text: &'static str) -> Control {
    Control {
        kind,
        place,
        typing: Typing::No,
        property,
        text,
    }
}

/// A field with what stands before it, as a line of the page.
const fn field(line: u32, text: &'static str, property: u32, typing: Typing) -> [Control; 2] {
    let top = 8 + 16 * line;
    let edit = Control {
        typing,
        ..shown(Kind::Edit, [64, 200, top, 12], property, ANYTHING)
    };
    [shown(Kind::Label, [8, 52, top + 2, 10], 0, text), edit]
}

/// Name, short name and address.
fn general(typing: Typing) -> Vec<Control> {
    let fields = [
        field(0, "&Name:", NAME, typing),
        field(1, "&Alias:", ALIAS, typing),
        field(2, "&E-mail:", ADDRESS, typing),
    ];
    [[page("General")].as_slice(), fields.as_flattened()].concat()
}

/// The controls of the dialog for a display type.
fn controls(display_type: u32) -> Option<Vec<Control>> {
    let whole = [8, 256, 8, 160];
    let addresses = [
        page("E-mail Addresses"),
        shown(Kind::Values, whole, ALL_ADDRESSES, ANYTHING),
    ];
    let groups = [
        page("Member Of"),
        shown(Kind::ListBox, whole, MEMBER_OF, ANYTHING),
    ];
    let members = [
        shown(Kind::Label, [8, 52, 60, 10], 0, "&Members:"),
        shown(Kind::ListBox, [64, 200, 60, 108], MEMBERS, ANYTHING),
    ];
    let mut all = match display_type {
        PERSON | LIST | REMOTE => general(Typing::No),
        SEARCH => return Some(general(Typing::Yes)),
        _ => return None,
    };
    if display_type == LIST {
        all.extend(members);
    }
    all.extend(groups);
    all.extend(addresses);
    Some(all)
}

/// A dialog as clients read it: the controls, and behind them the texts that they name.
fn data(controls: &[Control], code_page: u32) -> Option<Vec<u8>> {
    let mut numbers = vec![TYPE, u32::try_from(controls.len()).ok()?];
    let mut texts: Vec<u8> = Vec::new();
    let texts_start = HEAD_BYTES + CONTROL_BYTES * controls.len();
    for control in controls {
        let offset = u32::try_from(texts_start + texts.len()).ok()?;
        texts.extend(to_code_page(code_page, control.text));
        texts.push(0);
        numbers.extend(control.place);
        numbers.extend([control.kind as u32, control.typing as u32, control.property]);
        let size = if control.kind == Kind::Edit {
            TYPED_MAX
        } else {
            0
        };
        numbers.extend([size, offset]);
    }
    let numbers = numbers.into_iter().flat_map(u32::to_le_bytes);
    Some(numbers.chain(texts).collect())
}

/// A template as a value of a row.
fn row(asked: &request::TemplateInfo) -> Result<Vec<TaggedValue>, Refusal> {
    if asked.flags & TEMPLATE == 0 {
        return Err(Refusal::NotSupported);
    }
    if asked.code_page == CODE_PAGE_UTF_16 {
        return Err(Refusal::InvalidCodePage);
    }
    // Nobody has a template of their own, by whose name it could be asked for.
    let controls = controls(asked.display_type).filter(|_| asked.template_name.is_none());
    let data = controls.and_then(|controls| data(&controls, asked.code_page));
    let data = data.ok_or(Refusal::InvalidLocale)?;
    Ok(vec![TaggedValue::new(DATA, Value::Binary(data.into()))])
}

/// Answers how an entry is shown.
pub(super) fn info(asked: &request::TemplateInfo) -> response::TemplateInfo {
    let (error_code, row) = super::outcome(row(asked));
    response::TemplateInfo {
        error_code,
        code_page: asked.code_page,
        row,
        auxiliary: Bytes::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_control_names_its_text_behind_all_controls() {
        for kind in [PERSON, LIST, REMOTE, SEARCH] {
            let controls = controls(kind).unwrap();
            let data = data(&controls, 1252).unwrap();
            let number = |at: usize| u32::from_le_bytes(data[at..at + 4].try_into().unwrap());
            assert_eq!(number(0), 1);
            assert_eq!(usize::try_from(number(4)).unwrap(), controls.len());
            for (index, control) in controls.iter().enumerate() {
                let start = HEAD_BYTES + CONTROL_BYTES * index;
                let text = usize::try_from(number(start + 32)).unwrap();
                let expected = [control.text.as_bytes(), &[0]].concat();
                assert_eq!(data[text..text + expected.len()], expected);
                assert_eq!(number(start + 16), control.kind as u32);
            }
            assert!(data.ends_with(&[0]));
            assert_eq!(controls[0].kind, Kind::Page);
        }
        assert!(controls(0x100).is_none());
    }

    /// A page and a field, written by hand after [MS-OXOABKT] 2.2.2.1.
    #[test]
    fn a_template_is_a_head_rows_and_texts() {
        let controls = [
            page("General"),
            shown(Kind::Edit, [64, 200, 8, 12], NAME, "*"),
        ];
        let expected = [
            [1_u32, 2].as_slice(),
            &[0, 0, 0, 0, 8, 0, 0, 0, 80],
            &[64, 200, 8, 12, 1, 0, 0x3001_001f, 256, 88],
        ]
        .concat();
        let mut bytes: Vec<u8> = expected.into_iter().flat_map(u32::to_le_bytes).collect();
        bytes.extend(b"General\0*\0");
        assert_eq!(data(&controls, 1252).unwrap(), bytes);
    }
}
