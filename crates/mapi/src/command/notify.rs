//! Asking to be told.
//!
//! Source: [MS-OXCNOTIF] 3.1.4.1; [MS-OXCROPS] 2.2.14.1.

use super::{Done, Place};
use crate::codec::rop::Response;
use crate::codec::rop::notify::{RegisterNotification, kind};
use crate::codec::wire::Nothing;
use crate::notification::{Scope, Subscription, scope};
use crate::object::Object;
use crate::refusal::Refusal;
use crate::request::Session;

/// `RopRegisterNotification`: from here on; what happened before is not told.
pub(super) fn register(
    session: &mut Session,
    at: Place,
    request: &RegisterNotification,
) -> Result<Done, Refusal> {
    let object = session.objects.object(at.logon_id, at.handle)?;
    let is_of_table =
        request.kinds & kind::TABLE_MODIFIED != 0 && matches!(object, Object::Table(_));
    let subscription = Subscription {
        kinds: request.kinds,
        scope: if is_of_table {
            Scope::Table(at.handle)
        } else {
            scope(request.scope)?
        },
    };
    // What those are to hear who asked before is noted first.
    session.look()?;
    Ok(Done::opened(
        Response::RegisterNotification(Nothing),
        Object::Subscription(subscription),
    ))
}
