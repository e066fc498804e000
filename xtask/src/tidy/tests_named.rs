//! Every file of tests is run.
//!
//! Where a crate's tests are one program (`tests/all.rs`), a file that is not named there would
//! never be compiled.

use super::Finding;
use crate::source::SourceFile;

/// One finding for each file of tests that its crate's `tests/all.rs` forgets.
pub fn check(files: &[SourceFile]) -> Vec<Finding> {
    let roots = files.iter().filter_map(|file| {
        let folder = file.path.strip_suffix("all.rs")?;
        folder.ends_with("/tests/").then_some((folder, file))
    });
    roots
        .flat_map(|(folder, root)| {
            let is_forgotten = move |file: &&SourceFile| {
                let name = file
                    .path
                    .strip_prefix(folder)
                    .and_then(|at| at.strip_suffix(".rs"));
                name.is_some_and(|name| {
                    let named = format!("mod {name};");
                    name != "all" && !name.contains('/') && !root.code.lines().any(|at| at == named)
                })
            };
            files.iter().filter(is_forgotten)
        })
        .map(|file| Finding::whole(&*file.path, "is never run: name it in tests/all.rs"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_tests_that_is_not_named_is_found() {
        let file = |path: &str, text: &str| SourceFile::new(path.to_owned(), text.to_owned());
        let files = [
            file("crates/a/tests/all.rs", "mod one;\nmod wire;\n"),
            file("crates/a/tests/one.rs", ""),
            file("crates/a/tests/two.rs", ""),
            file("crates/a/tests/wire/mod.rs", ""),
            file("crates/b/tests/three.rs", ""),
        ];
        let found: Vec<String> = check(&files).into_iter().map(|one| one.path).collect();
        assert_eq!(found, ["crates/a/tests/two.rs"]);
    }
}
