//! Words of the command line: `--name VALUE`.

use std::{collections::BTreeMap, path::PathBuf};

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wishes(BTreeMap<String, PathBuf>);

impl Wishes {
    pub(super) fn get(&self, name: &str) -> Option<&PathBuf> {
        self.0.get(name)
    }

    pub(super) fn required(&self, name: &str) -> Result<&PathBuf, String> {
        self.get(name).ok_or_else(|| format!("{name} is required"))
    }
}

/// Reads the words, of which only these names are known.
pub(super) fn read(words: &[&str], known: &[&str]) -> Result<Wishes, String> {
    let (pairs, rest) = words.as_chunks::<2>();
    if let [word] = rest {
        return Err(format!("{word} has no value; `worker --help` shows how it is used"));
    }
    let mut wishes = Wishes::default();
    for [name, value] in pairs {
        if !known.contains(name) {
            return Err(format!("{name} is not known here; `worker --help` shows how it is used"));
        }
        if wishes.0.insert((*name).to_owned(), PathBuf::from(value)).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    Ok(wishes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_mean_nothing_are_named() {
        let known = ["--key", "--export"];
        for words in [&["--key"][..], &["--kay", "x"], &["--key", "a", "--key", "b"], &["x"]] {
            assert!(read(words, &known).is_err(), "{words:?}");
        }
        let wishes = read(&["--key", "a.pem"], &known).unwrap();
        assert_eq!(wishes.get("--key"), Some(&PathBuf::from("a.pem")));
        assert!(wishes.required("--export").is_err());
        assert_eq!(read(&[], &known), Ok(Wishes::default()));
    }
}
