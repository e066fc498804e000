//! The commands about scripts. Each is one step where the disk may be read, and what changes
//! anything is answered once that is on disk.
//!
//! Source: RFC 5804 §2.5 (HAVESPACE) to §2.12 (CHECKSCRIPT).

use crate::codec::command::Command;
use crate::refusal::Refusal;
use crate::session::{Mode, Session};
use engine::dialogue::Question;
use engine::{Account, EngineError, Pending, Reading, SCRIPT_BYTES_MAX, SCRIPTS_MAX, Staged};
use formats::script::{Fault, Limits, Script};

/// Asks for the step that carries a command out.
pub(crate) fn begin(session: &mut Session, command: Command) -> Result<(), Refusal> {
    if session.link.user.is_none() {
        return Err(Refusal::WrongState);
    }
    session.ask_for_disk(Mode::Working(Box::new(command)));
    Ok(())
}

/// What is said once a change is on disk.
pub(crate) struct Said {
    warnings: Vec<Fault>,
    text: &'static str,
}

/// Carries a command out, where the disk may be read.
pub(crate) fn run(session: &mut Session, command: Command) {
    match carry_out(session, command) {
        Ok(()) => {}
        Err(refusal) => session.refuse(&refusal),
    }
}

fn carry_out(session: &mut Session, command: Command) -> Result<(), Refusal> {
    let user = session.link.user.as_ref().ok_or(Refusal::WrongState)?;
    let connection = session.link.number();
    let account = session.service.engine.account(user, connection);
    match command {
        Command::HaveSpace(name, size) => {
            have_space(&account, &name, size)?;
            session.ok(None, "There is room");
        }
        Command::ListScripts => list(session, &account)?,
        Command::GetScript(name) => {
            let text = account.script_text(&name)?;
            session.say_literal(&text);
            session.ok(None, "That is it");
        }
        Command::CheckScript(text) => {
            let said = Said {
                warnings: checked(&text)?,
                text: "The script is good",
            };
            say(session, &said);
        }
        Command::PutScript(name, text) => {
            let said = Said {
                warnings: checked(&text)?,
                text: "Stored",
            };
            let staged = staged(&account, &text)?;
            let pending = account.write(|txn| txn.put_script(&name, &staged));
            settle(session, pending, said)?;
        }
        Command::SetActive(name) => {
            let pending = account.write(|txn| txn.activate_script(name.as_deref()));
            settle(session, pending, plain("So be it"))?;
        }
        Command::DeleteScript(name) => {
            let pending = account.write(|txn| txn.remove_script(&name));
            settle(session, pending, plain("Deleted"))?;
        }
        Command::RenameScript(name, new) => {
            let pending = account.write(|txn| txn.rename_script(&name, &new));
            settle(session, pending, plain("Renamed"))?;
        }
        _ => return Err(Refusal::WrongState),
    }
    Ok(())
}

fn plain(text: &'static str) -> Said {
    Said {
        warnings: Vec::new(),
        text,
    }
}

/// Source: RFC 5804 §2.5.
fn have_space(account: &Account, name: &str, size: u64) -> Result<(), Refusal> {
    if size > SCRIPT_BYTES_MAX {
        return Err(Refusal::TooLarge);
    }
    let known = account.scripts()?;
    let old = known.iter().find(|script| script.name == name);
    if old.is_none() && known.len() >= SCRIPTS_MAX {
        return Err(EngineError::TooMany("scripts").into());
    }
    account.read()?.check_quota(size)?;
    Ok(())
}

/// Source: RFC 5804 §2.7.
fn list(session: &mut Session, account: &Account) -> Result<(), Refusal> {
    for script in account.scripts()? {
        session.say_script(&script.name, script.is_active);
    }
    session.ok(None, "These are all");
    Ok(())
}

/// Reads a script; answers what its writer should know although it is good.
fn checked(text: &[u8]) -> Result<Vec<Fault>, Refusal> {
    match Script::parse(text, &Limits::default()) {
        Ok(script) => Ok(script.warnings().to_vec()),
        Err(faults) => Err(Refusal::Script(faults)),
    }
}

fn staged(account: &Account, text: &[u8]) -> Result<Staged, EngineError> {
    let mut upload = account.upload()?;
    upload.write(text)?;
    upload.finish()
}

fn settle(
    session: &mut Session,
    pending: Result<Pending<()>, EngineError>,
    said: Said,
) -> Result<(), Refusal> {
    let ((), settlement) = pending?.split();
    session.mode = Mode::Settling(Box::new(said));
    session.link.ask(Question::Settled(settlement));
    Ok(())
}

/// The change is on disk, or is not.
pub(crate) fn settled(session: &mut Session, said: &Said, result: Result<(), engine::StoreError>) {
    match result {
        Ok(()) => say(session, said),
        Err(error) => session.refuse(&Refusal::Engine(error.into())),
    }
}

/// Source: RFC 5804 §1.3 (WARNINGS).
fn say(session: &mut Session, said: &Said) {
    if said.warnings.is_empty() {
        return session.ok(None, said.text);
    }
    let told: Vec<String> = said.warnings.iter().map(ToString::to_string).collect();
    session.ok(Some("WARNINGS"), &told.join("\r\n"));
}
