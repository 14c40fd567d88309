//! The account Postgres runs as: it refuses to run as root, so root steps down.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail};

/// In the order of preference: made by the server's package, then one that every system has.
const CANDIDATES: [&str; 3] = ["postgres", "_postgres", "nobody"];

/// Somebody to step down to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    uid: u32,
    gid: u32,
}

impl Account {
    /// Nobody when we are not root: then servers run as ourselves.
    pub(crate) fn for_postgres() -> Result<Option<Self>> {
        if !is_root()? {
            return Ok(None);
        }
        let passwd = fs::read_to_string("/etc/passwd").context("could not read /etc/passwd")?;
        match CANDIDATES.iter().find_map(|name| Self::find(&passwd, name)) {
            Some(account) => Ok(Some(account)),
            None => bail!(
                "PostgreSQL does not run as root and there is no account to step down to; type: \
                 useradd --system postgres"
            ),
        }
    }

    fn find(passwd: &str, name: &str) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let [user, _, uid, gid, ..] = fields.as_slice() else {
                return None;
            };
            if *user != name {
                return None;
            }
            let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
            Some(Self { name: name.to_owned(), uid, gid })
        })
    }

    /// Run this command as the account. The standard library also drops the groups.
    pub(crate) fn apply(&self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid).env("HOME", "/").env("USER", &self.name);
    }

    pub(crate) fn give(&self, path: &Path) -> Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
            .with_context(|| format!("could not give {} to {}", path.display(), self.name))
    }

    /// Whether the account reaches this folder through all its parents and may write there.
    pub(crate) fn can_use(&self, folder: &Path) -> bool {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "test -w \"$1\" && test -x \"$1\"", "test"]).arg(folder).current_dir("/");
        self.apply(&mut command);
        command.status().is_ok_and(|status| status.success())
    }
}

/// Asked from the system's own tool, because the standard library has no such question.
pub(crate) fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output().context("could not run `id -u`")?;
    Ok(output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
                          broken line\n\
                          postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash\n";

    #[test]
    fn an_account_that_is_not_there_is_not_found() {
        assert_eq!(Account::find(PASSWD, "nobody"), None);
        assert_eq!(Account::find(PASSWD, "post"), None);
    }

    #[test]
    fn an_account_has_its_numbers() {
        let account = Account { name: "postgres".to_owned(), uid: 101, gid: 104 };
        assert_eq!(Account::find(PASSWD, "postgres"), Some(account));
    }
}
