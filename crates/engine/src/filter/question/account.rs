//! Tests of what the account has: mailboxes, annotations, lists, ways to notify.
//!
//! Standards: RFC 5490 (mailbox, metadata), RFC 8579 (special use), RFC 9042 (mailbox ids), RFC
//! 6134 (lists), RFC 5435 §4, §5 (notification methods).

use crate::filter::action::mailto::Mailto;
use crate::filter::machine::{Failure, Machine};
use formats::script::{Node, Verb};

pub(super) fn ask(machine: &mut Machine<'_>, node: &Node) -> Result<bool, Failure> {
    let first = machine.expand_all(node.texts(0))?;
    let around = machine.surroundings;
    machine.spend(first.len() as u64 * 10)?;
    let named = first.first().map(String::as_str);
    match node.verb {
        Verb::MailboxExists => Ok(first.iter().all(|name| around.has_mailbox(name))),
        Verb::MailboxIdExists => Ok(first.iter().all(|id| around.has_mailbox_id(id))),
        Verb::SpecialUseExists => {
            let attributes = machine.expand_all(node.texts(1))?;
            Ok(attributes
                .iter()
                .all(|attribute| around.has_special_use(named, attribute)))
        }
        Verb::Metadata => {
            let name = machine.expand_first(node.texts(1))?;
            let value = around.annotation(named, &name);
            value.map_or(Ok(false), |value| {
                machine.matches(node, &[value], node.texts(2))
            })
        }
        Verb::MetadataExists => {
            let names = machine.expand_all(node.texts(1))?;
            Ok(names
                .iter()
                .all(|name| around.annotation(named, name).is_some()))
        }
        Verb::ServerMetadata => {
            let value = around.annotation(None, named.unwrap_or_default());
            value.map_or(Ok(false), |value| {
                machine.matches(node, &[value], node.texts(1))
            })
        }
        Verb::ServerMetadataExists => Ok(first
            .iter()
            .all(|name| around.annotation(None, name).is_some())),
        Verb::ValidExtList => Ok(first.iter().all(|list| around.has_list(list))),
        Verb::ValidNotifyMethod => Ok(first.iter().all(|uri| Mailto::parse(uri).is_some())),
        Verb::NotifyMethodCapability => {
            let capability = machine.expand_first(node.texts(1))?;
            let known = named.and_then(Mailto::parse).is_some()
                && capability.eq_ignore_ascii_case("online");
            // Whether someone reads mail now, nobody knows (RFC 5436 §2.3).
            let value = ["maybe".to_owned()];
            if known {
                machine.matches(node, &value, node.texts(2))
            } else {
                Ok(false)
            }
        }
        _ => Ok(false),
    }
}
