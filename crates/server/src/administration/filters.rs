//! Forwards, vacation and scripts of an account.

use super::directory::find;
use super::{Failure, Reply};
use crate::house::House;
use engine::rules::{Rules, Vacation};
use engine::{AccountId, EngineError, Timestamp};
use formats::moment;
use formats::script::{Fault, Limits, Script};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Something to be done; each variant is the command of its name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
#[allow(
    missing_docs,
    reason = "the fields are those of the command line, explained there"
)]
pub enum Filters {
    ForwardSet {
        account: String,
        targets: Vec<String>,
        keep: bool,
    },
    ForwardShow {
        account: String,
    },
    ForwardRemove {
        account: String,
    },
    VacationSet {
        account: String,
        text: String,
        subject: String,
        from: Option<i64>,
        until: Option<i64>,
        days: u32,
    },
    VacationShow {
        account: String,
    },
    VacationRemove {
        account: String,
    },
    ScriptList {
        account: String,
    },
    ScriptShow {
        account: String,
        name: String,
    },
    ScriptPut {
        account: String,
        name: String,
        text: String,
        activate: bool,
    },
    ScriptActivate {
        account: String,
        name: Option<String>,
    },
    ScriptRemove {
        account: String,
        name: String,
    },
    ScriptCheck {
        text: String,
    },
}

pub fn run(house: &House, request: Filters) -> Result<Reply, Failure> {
    match request {
        Filters::ForwardSet {
            account,
            targets,
            keep,
        } => change(house, &account, |rules| Rules {
            forwards: targets,
            keeps_copy: keep,
            ..rules
        }),
        Filters::ForwardRemove { account } => change(house, &account, |rules| Rules {
            forwards: Vec::new(),
            keeps_copy: false,
            ..rules
        }),
        Filters::ForwardShow { account } => show_forward(house, &account),
        Filters::VacationSet {
            account,
            text,
            subject,
            from,
            until,
            days,
        } => {
            let moment = |seconds: Option<i64>| seconds.map(Timestamp::from_seconds);
            let (from, until) = (moment(from), moment(until));
            let vacation = Vacation {
                subject,
                text,
                from,
                until,
                days,
            };
            change(house, &account, |rules| Rules {
                vacation: Some(vacation),
                ..rules
            })
        }
        Filters::VacationRemove { account } => change(house, &account, |rules| Rules {
            vacation: None,
            ..rules
        }),
        Filters::VacationShow { account } => show_vacation(house, &account),
        Filters::ScriptList { account } => list(house, &account),
        Filters::ScriptShow { account, name } => show(house, &account, &name),
        Filters::ScriptPut {
            account,
            name,
            text,
            activate,
        } => put(house, &account, &name, &text, activate),
        Filters::ScriptActivate { account, name } => activate(house, &account, name.as_deref()),
        Filters::ScriptRemove { account, name } => remove(house, &account, &name),
        Filters::ScriptCheck { text } => check(&text),
    }
}

fn change(
    house: &House,
    address: &str,
    change: impl FnOnce(Rules) -> Rules,
) -> Result<Reply, Failure> {
    let account = find(house, address)?;
    let rules = change(house.engine.rules(account)?);
    let set = house.engine.set_rules(account, &rules);
    set.map_err(|why| Failure::of(address, why))?.wait()?;
    let rules = house.engine.rules(account)?;
    Ok(Reply::new(
        "",
        json!({ "account": address, "rules": data(&rules) }),
    ))
}

fn data(rules: &Rules) -> Value {
    let vacation = rules.vacation.as_ref().map(|vacation| {
        let moment = |time: Option<Timestamp>| time.map(|time| moment::rfc3339(time.seconds()));
        json!({
            "text": vacation.text,
            "subject": vacation.subject,
            "from": moment(vacation.from),
            "until": moment(vacation.until),
            "days": vacation.days,
        })
    });
    json!({ "forwards": rules.forwards, "keep": rules.keeps_copy, "vacation": vacation })
}

fn show_forward(house: &House, address: &str) -> Result<Reply, Failure> {
    let rules = house.engine.rules(find(house, address)?)?;
    let kept = if rules.keeps_copy || rules.forwards.is_empty() {
        "kept"
    } else {
        "not kept"
    };
    let text = match rules.forwards.as_slice() {
        [] => "not forwarded".to_owned(),
        targets => format!("{} ({kept} here)", targets.join(" ")),
    };
    Ok(Reply::new(text, data(&rules)))
}

fn show_vacation(house: &House, address: &str) -> Result<Reply, Failure> {
    let rules = house.engine.rules(find(house, address)?)?;
    let Some(vacation) = &rules.vacation else {
        return Ok(Reply::new("no answer is sent", data(&rules)));
    };
    let moment = |word: &str, time: Option<Timestamp>| {
        time.map(|time| format!("{word} {}\n", moment::rfc3339(time.seconds())))
            .unwrap_or_default()
    };
    let (from, until) = (
        moment("from", vacation.from),
        moment("until", vacation.until),
    );
    let days = vacation.days;
    let text = format!(
        "{from}{until}every {days} days to one sender\n\n{}",
        vacation.text
    );
    Ok(Reply::new(text, data(&rules)))
}

fn list(house: &House, address: &str) -> Result<Reply, Failure> {
    let scripts = house
        .engine
        .account_as_server(find(house, address)?)
        .scripts()?;
    let line = |script: &engine::StoredScript| {
        let mark = if script.is_active { "  active" } else { "" };
        format!("{}{mark}", script.name)
    };
    let text: Vec<String> = scripts.iter().map(line).collect();
    let data = scripts.iter().map(|script| {
        json!({ "name": script.name, "active": script.is_active, "bytes": script.row.size })
    });
    Ok(Reply::new(text.join("\n"), data.collect()))
}

fn show(house: &House, address: &str, name: &str) -> Result<Reply, Failure> {
    let account = house.engine.account_as_server(find(house, address)?);
    let text = account
        .script_text(name)
        .map_err(|why| Failure::of(name, why))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok(Reply::new(
        text.trim_end(),
        json!({ "name": name, "text": text }),
    ))
}

fn put(
    house: &House,
    address: &str,
    name: &str,
    text: &str,
    activate: bool,
) -> Result<Reply, Failure> {
    let account = house.engine.account_as_server(find(house, address)?);
    let warnings = checked(text)?;
    let mut upload = account.upload()?;
    upload.write(text.as_bytes())?;
    let staged = upload.finish()?;
    let put = account.write(|txn| -> Result<(), EngineError> {
        txn.put_script(name, &staged)?;
        if activate {
            txn.activate_script(Some(name))
        } else {
            Ok(())
        }
    });
    put.map_err(|why| Failure::of(name, why))?.wait()?;
    let data = json!({ "name": name, "active": activate, "warnings": told(&warnings) });
    Ok(Reply::new(lines(&warnings), data))
}

fn activate(house: &House, address: &str, name: Option<&str>) -> Result<Reply, Failure> {
    let account = house.engine.account_as_server(find(house, address)?);
    let done = account.write(|txn| txn.activate_script(name));
    done.map_err(|why| Failure::of(name.unwrap_or(address), why))?
        .wait()?;
    Ok(Reply::new("", json!({ "active": name })))
}

fn remove(house: &House, address: &str, name: &str) -> Result<Reply, Failure> {
    let account: AccountId = find(house, address)?;
    let account = house.engine.account_as_server(account);
    let done = account.write(|txn| txn.remove_script(name));
    done.map_err(|why| Failure::of(name, why))?.wait()?;
    Ok(Reply::new("", json!({ "name": name, "removed": true })))
}

fn check(text: &str) -> Result<Reply, Failure> {
    let warnings = checked(text)?;
    let data = json!({ "warnings": told(&warnings) });
    Ok(Reply::new(lines(&warnings), data))
}

/// What the writer of a good script should know.
fn checked(text: &str) -> Result<Vec<Fault>, Failure> {
    match Script::parse(text.as_bytes(), &Limits::default()) {
        Ok(script) => Ok(script.warnings().to_vec()),
        Err(faults) => Err(Failure(told(&faults).join("; "))),
    }
}

fn told(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

fn lines(warnings: &[Fault]) -> String {
    let lines: Vec<String> = told(warnings)
        .iter()
        .map(|text| format!("warning: {text}"))
        .collect();
    lines.join("\n")
}
