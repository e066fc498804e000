//! The requests that commands about filters stand for.

use super::time;
use crate::administration::filters::Filters;
use crate::administration::{Failure, Request};
use crate::command_line::{Forward, Script, Vacation};
use std::path::Path;

/// Bytes of a script that are read from a file; the store takes half of it.
const SCRIPT_BYTES_MAX: u64 = 1024 * 1024;

pub(super) fn forward(action: Forward) -> Request {
    Request::Filters(match action {
        Forward::Set {
            account,
            targets,
            keep,
        } => Filters::ForwardSet {
            account,
            targets,
            keep,
        },
        Forward::Show { account } => Filters::ForwardShow { account },
        Forward::Remove { account } => Filters::ForwardRemove { account },
    })
}

pub(super) fn vacation(action: Vacation) -> Result<Request, Failure> {
    Ok(Request::Filters(match action {
        Vacation::Set(set) => Filters::VacationSet {
            account: set.account,
            text: set.text,
            subject: set.subject,
            from: set.from.as_deref().map(time).transpose()?,
            until: set.until.as_deref().map(time).transpose()?,
            days: set.days,
        },
        Vacation::Show { account } => Filters::VacationShow { account },
        Vacation::Remove { account } => Filters::VacationRemove { account },
    }))
}

pub(super) fn script(action: Script) -> Result<Request, Failure> {
    Ok(Request::Filters(match action {
        Script::List { account } => Filters::ScriptList { account },
        Script::Show { account, name } => Filters::ScriptShow { account, name },
        Script::Put {
            account,
            name,
            file,
            activate,
        } => Filters::ScriptPut {
            account,
            name,
            text: read(&file)?,
            activate,
        },
        Script::Activate { account, name } => Filters::ScriptActivate { account, name },
        Script::Remove { account, name } => Filters::ScriptRemove { account, name },
        Script::Check { file } => Filters::ScriptCheck { text: read(&file)? },
    }))
}

/// A script's text, read where the command was given and not by the server.
fn read(file: &Path) -> Result<String, Failure> {
    let about = |why: &dyn std::fmt::Display| Failure::of(file.display(), why);
    let size = std::fs::metadata(file)
        .map_err(|error| about(&error))?
        .len();
    if size > SCRIPT_BYTES_MAX {
        return Err(about(&"too long for a script"));
    }
    std::fs::read_to_string(file).map_err(|error| about(&error))
}
