//! Writes one mbox file for each folder, as mboxrd: `Work.mbox`, and `Work/2026.mbox` for the
//! folder below it.
//!
//! What the format has no place for stands in lines at the letter's head, of which `Status`,
//! `X-Status` and `X-Keywords` are known to most programs.
//!
//! Start at [`write`]. Standards: RFC 4155 (application/mbox).

use super::letter::{LineEnds, Outgoing, Written};
use super::{Mailbox, target};
use crate::administration::Failure;
use crate::import::{Marks, mark, naming};
use engine::account::Folder;
use engine::{ItemRow, Reading};
use formats::date::Date;
use formats::mailbox_file::mbox::Writer;
use formats::message::header;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes all folders.
pub fn write(mailbox: &mut Mailbox<'_>, target: &Path) -> Result<(), Failure> {
    for folder in mailbox.folders() {
        let shown = folder.path.join("/");
        write_folder(mailbox, &folder, &place(target, &folder.path))
            .map_err(|why| Failure::of(format_args!("folder {shown}"), why))?;
    }
    Ok(())
}

/// The file of a folder.
fn place(target: &Path, path: &[String]) -> PathBuf {
    let mut place = target.to_owned();
    if let Some((name, above)) = path.split_last() {
        place.extend(above.iter().map(|name| naming::to_file(name)));
        place.push(naming::to_mbox(name));
    }
    place
}

fn write_folder(mailbox: &mut Mailbox<'_>, folder: &Folder, place: &Path) -> Result<(), Failure> {
    let shown = |why: io::Error| Failure(why.to_string());
    if let Some(above) = place.parent() {
        target::folder(above).map_err(shown)?;
    }
    let mut file = io::BufWriter::new(target::file(place).map_err(shown)?);
    mailbox.for_each(folder, &mut |mailbox, _, row| {
        write_letter(mailbox, row, &mut file)
    })?;
    file.flush().map_err(shown)
}

fn write_letter(
    mailbox: &Mailbox<'_>,
    row: &ItemRow,
    file: &mut dyn Write,
) -> Result<Written, Failure> {
    let letter = Outgoing::open(&mailbox.account, row)?;
    let (mut writer, mut out) = (Writer::default(), Vec::new());
    let received = Date {
        seconds: row.received.seconds(),
        zone_minutes: 0,
    };
    writer.start(&sender(mailbox, row)?, received, &mut out);
    let marks = Marks {
        size: letter.size(),
        received: row.received,
        flags: row.flags,
        keywords: mailbox.keywords(row),
    };
    let line_end = match letter.line_ends {
        LineEnds::Lf => "\n",
        LineEnds::Kept => "\r\n",
    };
    writer.push(mark(&marks, line_end).as_bytes(), &mut out);
    let written = letter.write(&mut |bytes| {
        writer.push(bytes, &mut out);
        file.write_all(&out)?;
        out.clear();
        Ok(())
    })?;
    writer.end(&mut out);
    file.write_all(&out)
        .map_err(|why| Failure(why.to_string()))?;
    Ok(written)
}

/// The envelope's sender, as delivery noted it.
fn sender(mailbox: &Mailbox<'_>, row: &ItemRow) -> Result<String, Failure> {
    let details = mailbox.account.read()?.details(row.item)?;
    let prefix = details.map(|details| details.prefix).unwrap_or_default();
    let path = header::find(&prefix, "Return-Path").map(|field| field.value.trim_ascii());
    let path = String::from_utf8_lossy(path.unwrap_or_default()).into_owned();
    Ok(path.trim_matches(['<', '>']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_and_those_below_it_have_names_that_do_not_clash() {
        let path = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            place(Path::new("/t"), &names)
        };
        assert_eq!(path(&["Work"]), Path::new("/t/Work.mbox"));
        assert_eq!(path(&["Work", "a/b"]), Path::new("/t/Work/a%2Fb.mbox"));
        assert_eq!(path(&[".."]), Path::new("/t/%2E..mbox"));
    }
}
