//! facteur: a whole mail server in one binary.
//!
//! The only crate that knows sockets, TLS, threads, the clock, randomness and the command line.
//! Start at [`main`]; a connection's life is `driver`, an administrator's order is
//! `administration`. It is a library for its fuzz targets' sake only.

mod administration;
mod allocator;
mod command;
mod command_line;
mod condition;
mod configuration;
mod doctor;
mod driver;
mod examination;
mod export;
#[cfg(any(test, feature = "fuzzed"))]
pub mod fuzzed;
mod house;
mod housekeeping;
mod import;
mod indexing;
mod leisure;
mod listeners;
mod local_users;
mod log;
mod metrics;
mod notify;
mod outbound;
mod page;
mod reports;
mod sample;
mod sendmail;
mod serve;
mod sessions;
mod signing;
mod tokens;
mod trace;
mod web;
mod world;
mod zone;

use clap::Parser;
use command_line::{Command, CommandLine};
use std::path::Path;
use std::process::ExitCode;

/// The command line could not be understood; as `sysexits.h` and most shells have it.
const USAGE: u8 = 2;

/// All that the program does, as its arguments want it.
pub fn main() -> ExitCode {
    if let Some(code) = as_sendmail() {
        return code;
    }
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) if !error.use_stderr() => {
            // Help or version: what was asked for. A closed pipe is no fault.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("facteur: {}", command_line::one_line(&error));
            return ExitCode::from(USAGE);
        }
    };
    if let Command::Sendmail { arguments, .. } = line.command {
        let arguments = arguments.into_iter();
        return sendmail::run(line.data.as_deref(), arguments).into();
    }
    // Two providers are compiled in by dependencies; this is the one that is used.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match command::run(line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("facteur: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// What the program does when it is called by one of sendmail's names.
fn as_sendmail() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    let program = arguments.next()?;
    let implied = sendmail::by_name(Path::new(&program))?.iter();
    let arguments = implied.map(Into::into).chain(arguments);
    Some(sendmail::run(None, arguments).into())
}
