//! Faults of clients that are tolerated, each with who has it.

/// `AUTH` without a mechanism asks for the list of them: Outlook Express and old Eudora, before
/// CAPA was known.
///
/// RFC 5034 has no such form.
pub fn is_question_for_mechanisms(arguments: Option<&(String, Option<String>)>) -> bool {
    arguments.is_none()
}

#[cfg(test)]
mod tests {
    use super::is_question_for_mechanisms;

    #[test]
    fn auth_alone_is_a_question() {
        assert!(is_question_for_mechanisms(None));
        assert!(!is_question_for_mechanisms(Some(&(
            "PLAIN".to_owned(),
            None
        ))));
    }
}
