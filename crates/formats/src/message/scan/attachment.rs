//! Whether a letter carries something that a reader would call an attachment.

use crate::message::{Part, PartKind};

/// Any part that says so, or a file that is not shown as part of the text.
pub(super) fn has_attachment(parts: &[Part]) -> bool {
    parts.iter().any(|part| is_attachment(part, parts))
}

fn is_attachment(part: &Part, parts: &[Part]) -> bool {
    let disposition = part
        .disposition
        .as_ref()
        .map(|disposition| disposition.value.as_slice());
    let parent = part.parent.and_then(|parent| parts.get(parent));
    let in_multipart = |subtype: &[u8]| {
        parent.is_some_and(|parent| parent.kind == PartKind::Multipart && parent.subtype == subtype)
    };
    match (part.kind, disposition) {
        (PartKind::Multipart, _) => false,
        // Signatures and reports are shown by other means, whatever they say.
        _ if is_machinery(part) => false,
        (_, Some(b"attachment")) => true,
        // A picture or style inside of HTML, and one of several forms of the text.
        _ if in_multipart(b"alternative") || in_multipart(b"report") => false,
        _ if in_multipart(b"related") => false,
        (PartKind::Message, _) => !in_multipart(b"digest"),
        (PartKind::Leaf, Some(b"inline")) => part.media_type != b"text" && part.id.is_none(),
        (PartKind::Leaf, _) => part.media_type != b"text" || has_file_name(part),
    }
}

/// Parts for programs: signatures, delivery status, calendar replies beside their text.
fn is_machinery(part: &Part) -> bool {
    matches!(
        (part.media_type.as_slice(), part.subtype.as_slice()),
        (
            b"application",
            b"pgp-signature" | b"pkcs7-signature" | b"x-pkcs7-signature" | b"pgp-encrypted"
        ) | (
            b"message",
            b"delivery-status" | b"disposition-notification" | b"external-body"
        )
    )
}

fn has_file_name(part: &Part) -> bool {
    let of_type = part
        .parameters
        .iter()
        .any(|(name, _)| matches!(name.as_slice(), b"name" | b"name*"));
    let disposition = part
        .disposition
        .iter()
        .flat_map(|disposition| &disposition.parameters);
    of_type
        || disposition
            .into_iter()
            .any(|(name, _)| matches!(name.as_slice(), b"filename" | b"filename*"))
}
