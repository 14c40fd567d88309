//! The words of every letter, pinned by files: a new one is written by the first run, which then
//! fails; read it, and commit it. To change a letter, change its file with it.

use std::{collections::BTreeSet, fs, path::PathBuf, time::Duration};

use application::mail::{Letter, Notice, Recipient, invitation, notice, password_reset, verification};

const TO: Recipient<'_> = Recipient { name: "Ann <Ö>", web_url: "https://web.test/" };
const TOKEN: &str = "a-token_of-43-characters";
const DAY: Duration = Duration::from_hours(24);

fn all() -> Vec<(String, Letter)> {
    let mut letters = vec![
        ("verification".to_owned(), verification(TO, TOKEN, DAY)),
        ("password-reset".to_owned(), password_reset(TO, TOKEN, Duration::from_hours(1))),
        ("invitation".to_owned(), invitation(TO, TOKEN, DAY * 7)),
    ];
    letters.extend(Notice::ALL.map(|about| (format!("notice-{about:?}").to_lowercase(), notice(TO, about))));
    letters
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/letters")
}

#[test]
fn every_letter_says_what_its_files_say() {
    let mut known = BTreeSet::new();
    let mut new = Vec::new();
    for (name, letter) in all() {
        let text = format!("Subject: {}\n\n{}", letter.subject, letter.text());
        for (ending, said) in [("txt", text), ("html", letter.html())] {
            let file = folder().join(format!("{name}.{ending}"));
            known.insert(file.clone());
            if let Ok(kept) = fs::read_to_string(&file) {
                assert_eq!(said, kept, "{} is different", file.display());
            } else {
                fs::write(&file, said).unwrap();
                new.push(file);
            }
        }
    }
    assert!(new.is_empty(), "written for the first time, read and commit them: {new:?}");
    let there: BTreeSet<PathBuf> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(there, known, "a file without a letter");
}

#[test]
fn links_lead_to_the_configured_address_only_and_subjects_tell_nothing() {
    for (name, letter) in all() {
        for link in letter.links() {
            assert!(link.starts_with("https://web.test/") && link.ends_with(TOKEN), "{name}: {link}");
            assert!(letter.html().contains(&link) && letter.text().contains(&link), "{name}");
        }
        assert!(!letter.subject.contains("Ann") && !letter.subject.contains(TOKEN), "{name}");
        assert!(!letter.html().contains("Ann <Ö>"), "{name}: names are escaped");
    }
}
