//! The requests that commands about unwanted mail stand for.

use super::absolute;
use crate::administration::spam::Taught;
use crate::administration::{Failure, Request, ban, spam};
use crate::command_line::{Ban, Spam};

/// What stands for everyone in place of an address.
const EVERYONE: &str = "all";

pub(super) fn spam(action: Spam) -> Result<Request, Failure> {
    Ok(Request::Spam(match action {
        Spam::Learn {
            junk,
            good: _,
            address,
            files,
        } => spam::Spam::Learn {
            address: (address != EVERYONE).then_some(address),
            opinion: if junk { Taught::Junk } else { Taught::Good },
            files: files
                .iter()
                .map(|file| absolute(file))
                .collect::<Result<_, _>>()?,
        },
        Spam::Score { address, file } => spam::Spam::Score {
            address,
            file: absolute(&file)?,
        },
    }))
}

pub(super) fn ban(action: Ban) -> Request {
    Request::Ban(match action {
        Ban::List => ban::Ban::List,
        Ban::Add { address, minutes } => ban::Ban::Add { address, minutes },
        Ban::Remove { address } => ban::Ban::Remove { address },
    })
}
