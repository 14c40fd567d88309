//! Dotenv files: written so that both a shell's `source` and the usual libraries read them alike.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use anyhow::{Context, Result};

/// Only the owner may read what holds secrets.
const PRIVATE: u32 = 0o600;

/// Names and values in the order they are written.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Dotenv(Vec<(String, String)>);

impl Dotenv {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some(entry) => entry.1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// An absent file reads as an empty one.
    pub(crate) fn read(path: &Path) -> Self {
        fs::read_to_string(path).map_or_else(|_| Self::default(), |text| Self::parse(&text))
    }

    /// Written beside and renamed, so that a reader never sees half of it.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        write_private(path, self.render().as_bytes())
    }

    fn parse(text: &str) -> Self {
        let entries = text.lines().filter_map(|line| {
            let (name, value) = line.trim().split_once('=')?;
            if name.starts_with('#') {
                return None;
            }
            Some((name.to_owned(), unquote(value)))
        });
        Self(entries.collect())
    }

    fn render(&self) -> String {
        let lines = self.0.iter().map(|(name, value)| format!("{name}={}", quote(value)));
        lines.chain([String::new()]).collect::<Vec<_>>().join("\n")
    }
}

/// Write a file that only its owner can read, whole or not at all.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let saying = || format!("could not write {}", path.display());
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(PRIVATE)
        .open(&beside)
        .with_context(saying)?;
    // A file left by an earlier run keeps its old mode unless it is set again.
    file.set_permissions(fs::Permissions::from_mode(PRIVATE))
        .and_then(|()| file.write_all(content))
        .and_then(|()| fs::rename(&beside, path))
        .with_context(saying)
}

/// Plain where a shell would take it as it is; otherwise in single quotes.
fn quote(value: &str) -> String {
    let is_plain = |symbol: char| symbol.is_ascii_alphanumeric() || "_-./:@%+,=".contains(symbol);
    if value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

fn unquote(value: &str) -> String {
    match value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(inner) => inner.replace(r"'\''", "'"),
        None => value.trim_matches('"').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_file_reads_as_empty() {
        assert_eq!(Dotenv::read(Path::new("/nowhere/at/all")), Dotenv::default());
    }

    #[test]
    fn addresses_stand_unquoted() {
        let mut dotenv = Dotenv::default();
        dotenv.set("REDIS_URL", "redis://:secret@127.0.0.1:6379/0");
        assert_eq!(dotenv.render(), "REDIS_URL=redis://:secret@127.0.0.1:6379/0\n");
    }

    #[test]
    fn what_a_shell_would_change_is_quoted_and_reads_back() {
        let mut dotenv = Dotenv::default();
        dotenv.set("A", "two words & 'more' $x");
        assert_eq!(dotenv.render(), "A='two words & '\\''more'\\'' $x'\n");
        assert_eq!(Dotenv::parse(&dotenv.render()), dotenv);
    }

    #[test]
    fn comments_and_blank_lines_are_skipped() {
        let dotenv = Dotenv::parse("# note=1\n\nA=1\r\nB=\"2\"\n");
        assert_eq!(dotenv.get("A"), Some("1"));
        assert_eq!(dotenv.get("B"), Some("2"));
        assert_eq!(dotenv.get("# note"), None);
    }

    #[test]
    fn setting_a_name_twice_keeps_the_last_value() {
        let mut dotenv = Dotenv::default();
        dotenv.set("A", "1");
        dotenv.set("A", "2");
        assert_eq!(dotenv.render(), "A=2\n");
    }

    #[test]
    fn secrets_are_readable_by_their_owner_only() {
        let path = std::env::temp_dir().join(format!("xtask-private-{}", std::process::id()));
        write_private(&path, b"secret").unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        fs::remove_file(&path).unwrap();
        assert_eq!(mode & 0o777, PRIVATE);
    }
}
