//! What events, contacts, tasks and notes say, as the search of the server is told it.
//!
//! Whatever text a client could ask for is told: names, places, the plain text of a body in any
//! form, who it is to, what attachments are called. So a restriction that a text shall contain
//! another never holds of an item whose texts lack it.
//!
//! Start at [`Texts`]; [`demand`] is what a restriction asks of such texts.
//!
//! Source: [MS-OXCMSG] 2.2.1, 2.2.1.47, 2.2.1.48; [MS-OXCDATA] 2.12.

use crate::codec::data::{Guid, Restriction, Value, from_code_page};
use crate::content::Values;
use crate::identity::MailboxIdentity;
use crate::object::Logon;
use crate::property::Properties;
use crate::property::item::ItemProperties;
use crate::property::names::Names;
use crate::refusal::Refusal;
use engine::search::{Comparator, EntryTexts, Needle, Query, Test};
use engine::{Account, EngineError, ItemRow, Reading, StoreError};

/// The tables of recipients and of attachments.
const PARTS: [u16; 2] = [0x0e12, 0x0e13];

/// Tells the texts of items that Outlook and its like keep.
#[derive(Debug, Clone, Copy)]
pub struct Texts;

impl EntryTexts for Texts {
    fn each_text(
        &self,
        account: &Account,
        row: &ItemRow,
        visit: &mut dyn FnMut(&str),
    ) -> Result<(), EngineError> {
        match each_text(account, row, visit) {
            Ok(()) | Err(Refusal::NotFound) => Ok(()),
            Err(refusal) => {
                let what = format!("the values of an item ({:#010x})", refusal.code());
                Err(StoreError::Corrupt(what).into())
            }
        }
    }
}

fn each_text(account: &Account, row: &ItemRow, visit: &mut dyn FnMut(&str)) -> Result<(), Refusal> {
    let view = account.read()?;
    let Some(at) = view.location(row.item)? else {
        return Ok(());
    };
    // No text is made of who the mailbox is.
    let nobody = MailboxIdentity::new(Guid([0; 16]), account.id(), engine::Guid([0; 16]));
    let logon = Logon {
        account: account.clone(),
        identity: nobody,
        names: Names::default(),
    };
    let Some(item) = ItemProperties::load(&logon, &view, at, row.clone())? else {
        return Ok(());
    };
    for tag in item.tags() {
        tell(item.value(tag.id())?.as_ref(), visit);
    }
    for id in PARTS {
        let parts: Vec<Values> = item.parts(id)?;
        let values = parts.iter().flat_map(Values::values);
        values.for_each(|value| tell(Some(value), visit));
    }
    Ok(())
}

/// Texts are kept in Unicode, so there are no others.
fn tell(value: Option<&Value>, visit: &mut dyn FnMut(&str)) {
    match value {
        Some(Value::Unicode(text)) => visit(text),
        Some(Value::MultipleUnicode(all)) => all.iter().for_each(|text| visit(text)),
        _ => {}
    }
}

/// What must be in the texts of an item, in whatever order, for a restriction to hold; what can't
/// be said of texts holds of everything. Its depth is that of the restriction.
pub(crate) fn demand(restriction: &Restriction, code_page: u32) -> Query {
    let all = |inner: &[Restriction]| inner.iter().map(|one| demand(one, code_page)).collect();
    match restriction {
        Restriction::And(inner) => Query::All(all(inner)),
        Restriction::Or(inner) => Query::Any(all(inner)),
        Restriction::SubObject(_, inner)
        | Restriction::Comment(_, Some(inner))
        | Restriction::Annotation(_, Some(inner)) => demand(inner, code_page),
        Restriction::Content(content) => {
            let text = match &content.value.value {
                Value::Unicode(text) => text.clone(),
                Value::String8(text) => from_code_page(code_page, &text.0),
                _ => return EVERYTHING,
            };
            // Coarser than any way in which the texts may be compared.
            Query::Test(Test::Text(Needle::loose_phrase(&text, Comparator::Unicode)))
        }
        _ => EVERYTHING,
    }
}

const EVERYTHING: Query = Query::All(Vec::new());
