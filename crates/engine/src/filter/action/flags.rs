//! Flags and keywords of what is kept.
//!
//! Standards: RFC 5232.

use crate::filter::machine::{Failure, Machine};
use formats::script::{Node, Verb};

/// Flags that one letter may get.
const FLAGS_MAX: usize = 64;

/// Changes a variable that holds flags, or the internal one. Source: RFC 5232 §3.
pub(super) fn change(machine: &mut Machine<'_>, node: &Node) -> Result<(), Failure> {
    let named = !node.texts(0).is_empty();
    let name = machine.expand_first(node.texts(0))?;
    let given = list(&machine.expand_all(node.texts(1))?);
    let old = if named {
        list(&[machine.variable(&name.to_ascii_lowercase()).to_owned()])
    } else {
        machine.flags.clone().unwrap_or_default()
    };
    let is_given = |flag: &String| given.iter().any(|given| given.eq_ignore_ascii_case(flag));
    let new = match node.verb {
        Verb::SetFlag => given,
        Verb::AddFlag => list(&[old.as_slice(), given.as_slice()].concat()),
        _ => old.into_iter().filter(|flag| !is_given(flag)).collect(),
    };
    if named {
        machine.set_variable(&name, new.join(" "))
    } else {
        machine.flags = Some(new);
        Ok(())
    }
}

/// The flags of an action: those behind `:flags`, else those of the internal variable.
pub(super) fn wanted(
    machine: &mut Machine<'_>,
    node: &Node,
) -> Result<Option<Vec<String>>, Failure> {
    if !node.has(":flags") {
        return Ok(machine.flags.clone());
    }
    let flags = machine.expand_all(node.tagged_texts(":flags"))?;
    Ok(Some(list(&flags)))
}

/// The words of all strings, each once; case does not matter.
fn list(texts: &[String]) -> Vec<String> {
    let mut flags: Vec<String> = Vec::new();
    for flag in texts.iter().flat_map(|text| text.split_whitespace()) {
        let known = flags.iter().any(|known| known.eq_ignore_ascii_case(flag));
        if !known && flags.len() < FLAGS_MAX {
            flags.push(flag.to_owned());
        }
    }
    flags
}
