//! Which items belong together: found when they come, never changed afterwards.
//!
//! An item has names; one that comes joins the conversation that the first of its names leads to,
//! or begins its own. What the names mean is the engine's matter. Two conversations that turn out
//! to be one stay two, because what clients were told of their items must stay true.

use super::Txn;
use crate::id::{AccountId, ConversationId, ItemKey};
use crate::model::error::ModelError;
use crate::model::key;
use crate::model::reads::Reads;
use crate::model::row::Conversation;
use crate::model::row::details::CONVERSATION_NAMES_MAX;
use crate::model::scan::Number;

impl Txn<'_> {
    /// Finds the conversation of an item that comes, unless it is known, and writes the rows that
    /// lead to it. Answers what its details must say.
    pub(super) fn converse(
        &mut self,
        account: AccountId,
        item: ItemKey,
        known: Option<ConversationId>,
        names: &[u64],
    ) -> Result<Option<Conversation>, ModelError> {
        let mut found = known;
        for &name in names {
            if found.is_some() {
                break;
            }
            found = self.conversation_named(account, name)?;
        }
        let id = found.unwrap_or(ConversationId(item.0));
        let mut kept = Vec::new();
        for &name in names {
            if kept.len() < CONVERSATION_NAMES_MAX && !kept.contains(&name) {
                kept.push(name);
                let key = key::conversation_name(account, name, item);
                self.pending.put(key, &Number(id.0));
            }
        }
        if id.0 != item.0 {
            self.pending.put_empty(key::conversation(account, id, item));
        }
        let says_nothing = kept.is_empty() && id.0 == item.0;
        Ok((!says_nothing).then_some(Conversation { id, names: kept }))
    }

    /// Takes an item out of its conversation, because it goes for good.
    pub(super) fn leave_conversation(
        &mut self,
        account: AccountId,
        item: ItemKey,
    ) -> Result<(), ModelError> {
        let details = self.details(account, item)?.unwrap_or_default();
        let Some(Conversation { id, names }) = details.conversation else {
            return Ok(());
        };
        for name in names {
            let key = key::conversation_name(account, name, item);
            self.pending.remove(key);
        }
        if id.0 != item.0 {
            self.pending.remove(key::conversation(account, id, item));
        }
        Ok(())
    }
}
