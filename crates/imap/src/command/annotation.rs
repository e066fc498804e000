//! What STORE, APPEND and FETCH have in common about annotations of messages.
//!
//! Standards: RFC 5257 §4.3 to §4.7.

use super::fetch::part_exists;
use super::metadata::write_value;
use crate::codec::annotation::{
    AnnotationRequest, AnnotationValue, Attribute, EntryName, EntryPattern,
};
use crate::codec::command::Access;
use crate::codec::metadata::Scope;
use crate::codec::write;
use crate::refusal::Refusal;
use bytes::{BufMut, Bytes, BytesMut};
use engine::account::annotations::{
    ANNOTATION_BYTES_MAX, Annotation, AnnotationChange, Audience, ItemAnnotations,
};
use engine::{Account, ChangeSeq, EngineError, FolderId, ItemKey, Location, Reading, UidSet, View};
use formats::message::SummaryRef;

/// Source: RFC 5257 §3.2.1: an entry names a part that is not there.
pub(in crate::command) const NO_SUCH_PART: Refusal =
    Refusal::WrongState("BAD Message has no such part");

/// For whom entries of this scope are.
pub(in crate::command) fn audience(scope: Scope) -> Audience {
    match scope {
        Scope::Shared => Audience::Everyone,
        Scope::Private => Audience::Oneself,
    }
}

/// The engine's form of what a client sets.
pub(in crate::command) fn changes(values: &[AnnotationValue]) -> Vec<AnnotationChange> {
    let change = |value: &AnnotationValue| AnnotationChange {
        audience: audience(value.scope),
        name: value.entry.as_str().to_owned(),
        value: value.value.as_deref().map(Bytes::copy_from_slice),
    };
    values.iter().map(change).collect()
}

/// The refusals that have codes of their own. Source: RFC 5257 §4.5.
pub(in crate::command) fn worded(error: EngineError) -> Refusal {
    match error {
        EngineError::TooLong => Refusal::Never("NO [ANNOTATE TOOBIG] Value is too long"),
        EngineError::TooMany("annotations") => {
            Refusal::Never("NO [ANNOTATE TOOMANY] Message has too many annotations")
        }
        error => error.into(),
    }
}

/// Errors: [`NO_SUCH_PART`] where a value is for a part that one of these messages does not have.
pub(in crate::command) fn check_parts(
    values: &[AnnotationValue],
    account: &Account,
    folder: FolderId,
    uids: &UidSet,
) -> Result<(), Refusal> {
    let parts: Vec<Vec<u32>> = parts(values).collect();
    if parts.is_empty() {
        return Ok(());
    }
    let view = account.read()?;
    for uid in uids.iter() {
        let Some(row) = view.item(Location::mail(folder, uid))? else {
            continue;
        };
        let details = view.details(row.item)?.unwrap_or_default();
        let message = account.message_with_prefix(&row, details.prefix);
        for part in &parts {
            if !part_exists(part, &message, &details.summary)? {
                return Err(NO_SUCH_PART);
            }
        }
    }
    Ok(())
}

/// The same of a message that is not stored yet.
pub(in crate::command) fn check_parts_of(
    values: &[AnnotationValue],
    summary: &[u8],
) -> Result<(), Refusal> {
    let summary = SummaryRef::new(summary).ok();
    let exists = |part: Vec<u32>| {
        let summary = summary.as_ref();
        // One that had to be cut can't tell.
        summary.is_some_and(|known| known.is_truncated() || known.part_at(&part).is_some())
    };
    if parts(values).all(exists) {
        Ok(())
    } else {
        Err(NO_SUCH_PART)
    }
}

fn parts(values: &[AnnotationValue]) -> impl Iterator<Item = Vec<u32>> + '_ {
    values.iter().filter_map(|value| value.entry.part())
}

/// Writes `[ANNOTATIONS 4096]` or what else can be done with annotations in an open mailbox.
/// Source: RFC 5257 §4.1.
pub(in crate::command) fn write_support(out: &mut BytesMut, access: Access) {
    if access == Access::ReadOnly {
        out.put_slice(b"* OK [ANNOTATIONS READ-ONLY] Annotations are not changed\r\n");
    } else {
        let line = format!("* OK [ANNOTATIONS {ANNOTATION_BYTES_MAX}] Bytes of an annotation\r\n");
        out.put_slice(line.as_bytes());
    }
}

/// Writes `ANNOTATION (/comment (value.priv "x" value.shared NIL))`.
///
/// What is named is told even if it is not there; of what matches wildcards only what is there.
pub(in crate::command) fn write(
    out: &mut BytesMut,
    request: &AnnotationRequest,
    known: &[Annotation],
) {
    let mut names: Vec<&str> = Vec::new();
    for entry in &request.entries {
        match entry {
            EntryPattern::Name(name) => names.push(name.as_str()),
            EntryPattern::Match(_) => {
                let asked = known.iter().filter(|each| is_asked(request, each));
                let matching = asked.filter(|each| entry.matches(&each.name));
                names.extend(matching.map(|each| each.name.as_str()));
            }
        }
    }
    out.put_slice(b"ANNOTATION (");
    for (index, name) in names.iter().enumerate() {
        let is_told = names.iter().take(index).any(|other| other == name);
        if is_told {
            continue;
        }
        if index > 0 {
            out.put_u8(b' ');
        }
        write_entry(out, name, request, known);
    }
    out.put_u8(b')');
}

fn is_asked(request: &AnnotationRequest, annotation: &Annotation) -> bool {
    let mut asked = request.attributes.iter();
    asked.any(|(_, scope)| audience(*scope) == annotation.audience)
}

fn write_entry(out: &mut BytesMut, name: &str, request: &AnnotationRequest, known: &[Annotation]) {
    write::astring(out, name.as_bytes());
    out.put_slice(b" (");
    for (index, (attribute, scope)) in request.attributes.iter().enumerate() {
        if index > 0 {
            out.put_u8(b' ');
        }
        let is_it = |each: &&Annotation| each.name == name && each.audience == audience(*scope);
        let value = known.iter().find(is_it).map(|found| found.value.as_ref());
        out.put_slice(attribute.name(*scope).as_bytes());
        out.put_u8(b' ');
        match attribute {
            Attribute::Value => write_value(out, value),
            Attribute::Size => {
                let size = value.map_or(0, <[u8]>::len).to_string();
                write::string(out, size.as_bytes());
            }
        }
    }
    out.put_u8(b')');
}

/// The names of annotations that were set or removed after a change, as far as this user may read
/// them.
pub(crate) fn changed_names(
    view: &View<'_>,
    item: ItemKey,
    since: ChangeSeq,
) -> Result<Vec<String>, Refusal> {
    let changed = ItemAnnotations::of(view)?.changed_since(view, item, since)?;
    Ok(changed.into_iter().collect())
}

/// Writes `ANNOTATION (/comment)`: these have changed. Source: RFC 5257 §4.4.
pub(crate) fn write_names(out: &mut BytesMut, names: &[String]) {
    out.put_slice(b"ANNOTATION (");
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            out.put_u8(b' ');
        }
        write::astring(out, name.as_bytes());
    }
    out.put_u8(b')');
}

/// The name of what a sort is by.
pub(in crate::command) fn sorted_by(entry: &EntryName, scope: Scope) -> engine::search::SortBy {
    engine::search::SortBy::Annotation(audience(scope), entry.as_str().to_owned())
}
