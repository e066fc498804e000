//! Names of properties and their identifiers.
//!
//! Source: [MS-OXCPRPT] 3.2.5.9, 3.2.5.10, 3.2.5.11.

use super::{Done, Place};
use crate::codec::data::{NameKind, PropertyName};
use crate::codec::rop::Response;
use crate::codec::rop::property::{
    NamedProperties, PropertyIds, PropertyIdsFromNames, PropertyNames, QueryNamedProperties,
};
use crate::object::Object;
use crate::property::names;
use crate::refusal::Refusal;
use crate::request::Session;

/// Names that have no identifier are to get one.
const CREATE: u8 = 0x02;
/// Some names have no identifier.
const SOME_MISSING: u32 = 0x0004_0380;

/// `RopGetPropertyIdsFromNames`: asked of a mailbox without names, it tells all.
pub(super) fn ids(
    session: &mut Session,
    at: Place,
    request: &PropertyIdsFromNames,
) -> Result<Done, Refusal> {
    let is_mailbox = matches!(
        session.objects.object(at.logon_id, at.handle)?,
        Object::Logon
    );
    let logon = session.objects.logon(at.logon_id)?;
    let ids: Vec<u16> = if request.names.is_empty() && is_mailbox {
        let all = names::all(&logon.account.read()?)?;
        all.into_iter().map(|(id, _)| id).collect()
    } else {
        let view = logon.account.read()?;
        let known = request
            .names
            .iter()
            .map(|name| names::id_of_name(&view, name));
        let known: Vec<Option<u16>> = known.collect::<Result<_, _>>()?;
        drop(view);
        let known = if request.flags & CREATE != 0 && known.contains(&None) {
            let given = logon.account.write(|txn| {
                let given = request.names.iter().map(|name| names::give_id(txn, name));
                given.collect::<Result<Vec<_>, engine::EngineError>>()
            })?;
            given.wait()?
        } else {
            known
        };
        known.into_iter().map(Option::unwrap_or_default).collect()
    };
    let is_complete = !ids.contains(&0);
    let done = Done::said(Response::PropertyIdsFromNames(PropertyIds { ids }));
    Ok(if is_complete {
        done
    } else {
        done.with_warning(SOME_MISSING)
    })
}

/// `RopGetNamesFromPropertyIds`.
pub(super) fn names(
    session: &mut Session,
    at: Place,
    request: &PropertyIds,
) -> Result<Done, Refusal> {
    let view = session.objects.logon(at.logon_id)?.account.read()?;
    let names = request.ids.iter().map(|id| names::name_of_id(&view, *id));
    let names = names.collect::<Result<_, _>>()?;
    Ok(Done::said(Response::NamesFromPropertyIds(PropertyNames {
        names,
    })))
}

/// `RopQueryNamedProperties`: all of the mailbox, of one set if the client wants only those.
pub(super) fn query(
    session: &mut Session,
    at: Place,
    request: &QueryNamedProperties,
) -> Result<Done, Refusal> {
    const NO_TEXTS: u8 = 0x01;
    const NO_NUMBERS: u8 = 0x02;
    let view = session.objects.logon(at.logon_id)?.account.read()?;
    let is_wanted = |name: &PropertyName| {
        let of_set = request.set.is_none_or(|set| set == name.set);
        of_set
            && match name.kind {
                NameKind::Text(_) => request.flags & NO_TEXTS == 0,
                NameKind::Number(_) => request.flags & NO_NUMBERS == 0,
                NameKind::Nameless => false,
            }
    };
    let mut all = names::all(&view)?;
    all.retain(|(_, name)| is_wanted(name));
    Ok(Done::said(Response::QueryNamedProperties(NamedProperties(
        all,
    ))))
}
