//! Domains, accounts, aliases and passwords.

use super::{AccountAdd, AccountChange, Failure, GroupSet, Kind, Reply};
use crate::house::House;
use crate::signing::keeping;
use engine::authentication::imported;
use engine::directory::administration::{
    AccountChange as Change, AccountState, ListState, NewPassword,
};
use engine::directory::{AccountKind, FetchPolicy, Posting, Resolution};
use engine::{AccountId, EngineError, Origin};
use serde_json::{Value, json};
use std::fmt::Write;

/// Objects that one commit erases.
const ERASED_PER_COMMIT: usize = 1000;

pub fn add_domain(house: &House, name: &str) -> Result<Reply, Failure> {
    house
        .engine
        .add_domain(name)
        .and_then(settle)
        .map_err(|why| Failure::of(name, why))?;
    keeping::complete(&house.engine, name)?;
    Ok(Reply::new("", json!({ "domain": name })))
}

pub fn list_domains(house: &House) -> Result<Reply, Failure> {
    let domains = house.engine.domains()?;
    let text: Vec<String> = domains
        .iter()
        .map(|domain| match &domain.catch_all {
            Some(target) => format!("{}  everything else to {target}", domain.name),
            None => domain.name.clone(),
        })
        .collect();
    let data = domains
        .iter()
        .map(|domain| json!({ "domain": domain.name, "catch_all": domain.catch_all }))
        .collect();
    Ok(Reply::new(text.join("\n"), Value::Array(data)))
}

pub fn remove_domain(house: &House, name: &str) -> Result<Reply, Failure> {
    let removed = house.engine.remove_domain(name).and_then(settle);
    removed.map_err(|why| match why {
        EngineError::HasChildren => Failure::of(name, "there are still addresses in this domain"),
        why => Failure::of(name, why),
    })?;
    Ok(Reply::new("", json!({ "domain": name, "removed": true })))
}

pub fn set_catch_all(house: &House, name: &str, target: Option<&str>) -> Result<Reply, Failure> {
    let set = house.engine.set_catch_all(name, target).and_then(settle);
    set.map_err(|why| Failure::of(name, why))?;
    Ok(Reply::new(
        "",
        json!({ "domain": name, "catch_all": target }),
    ))
}

pub fn add_account(house: &House, new: &AccountAdd) -> Result<Reply, Failure> {
    let refuse = |why: EngineError| Failure::of(&new.address, why);
    let kind = match new.kind {
        Kind::Person => AccountKind::Person,
        Kind::Shared => AccountKind::Shared,
        Kind::Resource => AccountKind::Resource,
    };
    let password = new.password.as_deref().map(password_of);
    let added = house
        .engine
        .add_account(&new.address, kind, password)
        .map_err(refuse)?;
    let account = added.wait()?;
    if !new.name.is_empty() || new.administrator {
        let change = Change {
            display_name: Some(new.name.clone()),
            administrator: Some(new.administrator),
            ..Change::default()
        };
        house
            .engine
            .change_account(account, &change)
            .and_then(settle)
            .map_err(refuse)?;
    }
    Ok(Reply::new(
        "",
        json!({ "account": account.0, "address": new.address }),
    ))
}

/// A text that another server's hash could be is one; everything else is the password itself.
fn password_of(text: &str) -> NewPassword<'_> {
    if imported::is_known(text) {
        NewPassword::Imported(text)
    } else {
        NewPassword::Plain(text)
    }
}

fn settle(pending: engine::Pending<()>) -> Result<(), EngineError> {
    Ok(pending.wait()?)
}

pub fn list_accounts(house: &House) -> Result<Reply, Failure> {
    let accounts = house.engine.accounts()?;
    let text: Vec<String> = accounts.iter().map(account_line).collect();
    let data = accounts.iter().map(account_data).collect();
    Ok(Reply::new(text.join("\n"), Value::Array(data)))
}

pub fn show_account(house: &House, address: &str) -> Result<Reply, Failure> {
    let account = find(house, address)?;
    let all = house.engine.accounts()?;
    let state = all.iter().find(|state| state.account == account);
    let state = state.ok_or_else(|| Failure::of(address, EngineError::NoSuchAccount))?;
    let mut text = vec![account_line(state)];
    text.extend(
        state
            .record
            .other_addresses
            .iter()
            .map(|other| format!("  also {other}")),
    );
    for password in &state.record.app_passwords {
        text.push(format!("  password for {}", password.name));
    }
    for certificate in &state.record.certificates {
        text.push(format!("  certificate of {}", certificate.name));
    }
    Ok(Reply::new(text.join("\n"), account_data(state)))
}

fn account_line(state: &AccountState) -> String {
    let record = &state.record;
    let mut line = format!("{}  {}", record.address, Bytes(state.used_bytes));
    if let Some(quota) = state.quota_bytes {
        let _ = write!(line, " of {}", Bytes(quota));
    }
    if !record.display_name.is_empty() {
        let _ = write!(line, "  \"{}\"", record.display_name);
    }
    for (is_so, word) in [
        (record.administrator, "administrator"),
        (!record.enabled, "disabled"),
        (record.password.is_none(), "no password"),
        (record.kind == AccountKind::Shared, "shared"),
        (record.kind == AccountKind::Resource, "resource"),
    ] {
        if is_so {
            let _ = write!(line, "  {word}");
        }
    }
    line
}

/// A number of bytes as people read it.
pub struct Bytes(pub u64);

impl std::fmt::Display for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let units = [(30, "GB"), (20, "MB"), (10, "KB")];
        match units.iter().find(|(shift, _)| self.0 >> shift > 0) {
            Some((shift, unit)) => {
                let tenths = (self.0 >> (shift - 4)) * 10 / 16;
                write!(f, "{}.{} {unit}", tenths / 10, tenths % 10)
            }
            None => write!(f, "{} bytes", self.0),
        }
    }
}

fn account_data(state: &AccountState) -> Value {
    let record = &state.record;
    json!({
        "account": state.account.0,
        "address": record.address,
        "other_addresses": record.other_addresses,
        "name": record.display_name,
        "kind": match record.kind {
            AccountKind::Person => "person",
            AccountKind::Shared => "shared",
            AccountKind::Resource => "resource",
        },
        "enabled": record.enabled,
        "administrator": record.administrator,
        "has_password": record.password.is_some(),
        "app_passwords": record.app_passwords.iter().map(|known| &known.name).collect::<Vec<_>>(),
        "certificates": record.certificates.iter().map(|known| &known.name).collect::<Vec<_>>(),
        "pop3": match record.fetch_policy {
            FetchPolicy::ClientDecides => json!("delete"),
            FetchPolicy::Keep => json!("keep"),
            FetchPolicy::KeepDays(days) => json!(days),
        },
        "used_bytes": state.used_bytes,
        "recoverable_bytes": state.recoverable_bytes,
        "quota_bytes": state.quota_bytes,
    })
}

/// The account of an address.
pub fn find(house: &House, address: &str) -> Result<AccountId, Failure> {
    house
        .engine
        .account_at(address)
        .map_err(|why| Failure::of(address, why))
}

pub fn change_account(house: &House, change: &AccountChange) -> Result<Reply, Failure> {
    let account = find(house, &change.address)?;
    let made = Change {
        display_name: change.name.clone(),
        enabled: change.enabled,
        administrator: change.administrator,
        fetch_policy: change.pop3.as_deref().map(fetch_policy).transpose()?,
        quota_bytes: change
            .quota_bytes
            .map(|bytes| Some(bytes).filter(|&bytes| bytes > 0)),
    };
    let changed = house.engine.change_account(account, &made).and_then(settle);
    changed.map_err(|why| Failure::of(&change.address, why))?;
    Ok(Reply::new(
        "",
        json!({ "account": account.0, "address": change.address }),
    ))
}

fn fetch_policy(text: &str) -> Result<FetchPolicy, Failure> {
    match text {
        "delete" => Ok(FetchPolicy::ClientDecides),
        "keep" => Ok(FetchPolicy::Keep),
        days => {
            let days = days.parse().ok().filter(|days| *days > 0);
            days.map(FetchPolicy::KeepDays)
                .ok_or_else(|| Failure::of(text, "neither delete nor keep nor a number of days"))
        }
    }
}

pub fn rename(house: &House, address: &str, new: &str) -> Result<Reply, Failure> {
    let account = find(house, address)?;
    let renamed = house.engine.rename_account(account, new).and_then(settle);
    renamed.map_err(|why| Failure::of(new, why))?;
    Ok(Reply::new(
        "",
        json!({ "account": account.0, "address": new }),
    ))
}

pub fn remove_account(house: &House, address: &str, erase: bool) -> Result<Reply, Failure> {
    let account = find(house, address)?;
    let removed = house.engine.remove_account(account).and_then(settle);
    removed.map_err(|why| Failure::of(address, why))?;
    if erase {
        erase_data(house, account)?;
    }
    let data =
        json!({ "account": account.0, "address": address, "removed": true, "erased": erase });
    Ok(Reply::new("", data))
}

/// Erases an account's data in small commits, so that other accounts are not held up.
fn erase_data(house: &House, account: AccountId) -> Result<(), Failure> {
    loop {
        let step = house.store.write(&[account], Origin::default(), |txn| {
            txn.erase_account(account, ERASED_PER_COMMIT)
                .map_err(EngineError::from)
        })?;
        if step.wait()? == 0 {
            return Ok(());
        }
    }
}

pub fn add_app_password(house: &House, address: &str, name: &str) -> Result<Reply, Failure> {
    let account = find(house, address)?;
    let made = house.engine.add_app_password(account, name);
    let password = made.map_err(|why| Failure::of(name, why))?.wait()?;
    let data = json!({ "address": address, "name": name, "password": password });
    Ok(Reply::new(password, data))
}

pub fn remove_app_password(house: &House, address: &str, name: &str) -> Result<Reply, Failure> {
    let account = find(house, address)?;
    let removed = house
        .engine
        .remove_app_password(account, name)
        .and_then(settle);
    removed.map_err(|why| Failure::of(name, why))?;
    Ok(Reply::new(
        "",
        json!({ "address": address, "name": name, "removed": true }),
    ))
}

pub fn add_certificate(
    house: &House,
    address: &str,
    name: &str,
    fingerprint: [u8; 32],
) -> Result<Reply, Failure> {
    let account = find(house, address)?;
    let added = house.engine.add_certificate(account, name, fingerprint);
    added
        .and_then(settle)
        .map_err(|why| Failure::of(name, why))?;
    let data = json!({ "address": address, "name": name });
    Ok(Reply::new("", data))
}

pub fn remove_certificate(house: &House, address: &str, name: &str) -> Result<Reply, Failure> {
    let account = find(house, address)?;
    let removed = house.engine.remove_certificate(account, name);
    removed
        .and_then(settle)
        .map_err(|why| Failure::of(name, why))?;
    let data = json!({ "address": address, "name": name, "removed": true });
    Ok(Reply::new("", data))
}

pub fn set_password(house: &House, address: &str, password: &str) -> Result<Reply, Failure> {
    let account = find(house, address)?;
    let set = house
        .engine
        .set_password(account, password_of(password))
        .and_then(settle);
    set.map_err(|why| Failure::of(address, why))?;
    Ok(Reply::new(
        "",
        json!({ "account": account.0, "address": address }),
    ))
}

pub fn add_alias(house: &House, address: &str, targets: &[String]) -> Result<Reply, Failure> {
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let added = house
        .engine
        .add_list(address, None, &targets)
        .and_then(settle);
    added.map_err(|why| Failure::of(address, why))?;
    let leads_nowhere = |target: &&&str| {
        let found = house.engine.directory().resolve(target);
        found.is_ok_and(|found| *found == Resolution::Unknown)
    };
    let nobody: Vec<&str> = targets.iter().filter(leads_nowhere).copied().collect();
    let text = match nobody.as_slice() {
        [] => String::new(),
        nobody => format!("there is nobody yet at {}", nobody.join(" ")),
    };
    Ok(Reply::new(
        text,
        json!({ "address": address, "targets": targets, "nobody_at": nobody }),
    ))
}

pub fn list_aliases(house: &House) -> Result<Reply, Failure> {
    let mut lists = house.engine.lists()?;
    lists.retain(|list| !list.is_group);
    Ok(shown(&lists))
}

/// Aliases or groups, a line for each.
fn shown(lists: &[ListState]) -> Reply {
    let line = |list: &ListState| {
        let record = &list.record;
        let name = Some(&record.display_name).filter(|name| !name.is_empty());
        let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
        let posting = match &record.posting {
            Posting::Anyone => String::new(),
            Posting::Members => "  members only".to_owned(),
            Posting::Moderators(all) => format!("  moderated by {}", all.join(" ")),
        };
        format!(
            "{}{name} -> {}{posting}",
            record.address,
            record.targets.join(" ")
        )
    };
    let text: Vec<String> = lists.iter().map(line).collect();
    let data = lists.iter().map(|list| {
        let record = &list.record;
        let (is_closed, moderators) = match &record.posting {
            Posting::Anyone => (false, &[][..]),
            Posting::Members => (true, &[][..]),
            Posting::Moderators(all) => (false, all.as_slice()),
        };
        json!({
            "address": record.address,
            "name": record.display_name,
            "targets": record.targets,
            "members_only": is_closed,
            "moderators": moderators,
        })
    });
    Reply::new(text.join("\n"), data.collect())
}

pub fn list_groups(house: &House) -> Result<Reply, Failure> {
    let mut lists = house.engine.lists()?;
    lists.retain(|list| list.is_group);
    Ok(shown(&lists))
}

/// Makes a group or changes it: its members, and who may write to it.
pub fn set_group(house: &House, group: &GroupSet) -> Result<Reply, Failure> {
    let refuse = |why: EngineError| Failure::of(&group.address, why);
    let targets: Vec<&str> = group.members.iter().map(String::as_str).collect();
    let known = house.engine.lists()?;
    let is_known = known
        .iter()
        .any(|list| list.record.address == group.address);
    let set = if is_known {
        house.engine.set_targets(&group.address, &targets)
    } else {
        house
            .engine
            .add_list(&group.address, Some(&group.name), &targets)
    };
    set.and_then(settle).map_err(refuse)?;
    let posting = match (group.members_only, group.moderators.is_empty()) {
        (true, _) => Posting::Members,
        (false, true) => Posting::Anyone,
        (false, false) => Posting::Moderators(group.moderators.clone()),
    };
    let set = house.engine.set_posting(&group.address, &posting);
    set.and_then(settle).map_err(refuse)?;
    Ok(Reply::new(
        "",
        json!({ "address": group.address, "members": group.members }),
    ))
}

pub fn remove_alias(house: &House, address: &str) -> Result<Reply, Failure> {
    let removed = house.engine.remove_list(address).and_then(settle);
    removed.map_err(|why| Failure::of(address, why))?;
    Ok(Reply::new(
        "",
        json!({ "address": address, "removed": true }),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_in_the_largest_unit_that_fits() {
        assert_eq!(Bytes(0).to_string(), "0 bytes");
        assert_eq!(Bytes(1536).to_string(), "1.5 KB");
        assert_eq!(Bytes(5 << 30).to_string(), "5.0 GB");
    }
}
