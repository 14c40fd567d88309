//! Checkpoints: the form others read, and what no longer is one.

use application::proofs::{
    Checkpoint, Leaf, NOTE_BYTES_MAX, NoteError, Record, RecordError, Records, SealSource, SealingKey,
    SealingKeyError, VerifyingKey, hash_text,
};

/// As `openssl genpkey -algorithm ed25519` writes it.
const OPENSSL: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
    -----END PRIVATE KEY-----\n";

fn key() -> SealingKey {
    SealingKey::read(&SealingKey::generate().unwrap()).unwrap()
}

fn checkpoint() -> Checkpoint {
    Checkpoint {
        origin: "enterprise-todo/0123456789ab".to_owned(),
        size: 109_482,
        root: [7; 32],
        at: "2026-01-02T03:04:05.000006Z".parse().unwrap(),
        previous: Some((100_000, [9; 32])),
    }
}

#[test]
fn a_checkpoint_has_the_form_of_c2sp() {
    let key = SealingKey::read(OPENSSL).unwrap();
    let note = checkpoint().sign(&key);
    let lines: Vec<&str> = note.lines().collect();
    assert_eq!(lines[..2], ["enterprise-todo/0123456789ab", "109482"]);
    assert_eq!(lines[2], hash_text(&[7; 32]));
    assert_eq!(lines[3], "time 2026-01-02T03:04:05.000006Z");
    assert_eq!(lines[4], format!("previous 100000 {}", hash_text(&[9; 32])));
    assert_eq!(lines[5], "");
    assert!(lines[6].starts_with("\u{2014} enterprise-todo/0123456789ab "), "{note}");
    assert_eq!(lines.len(), 7);
    assert!(note.ends_with('\n'));
    // The public key of the first example in RFC 8032, by which openssl's key was made.
    let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
        -----END PUBLIC KEY-----\n";
    assert_eq!(key.public().pem(), public);
    assert_eq!(checkpoint().sign(&key), note, "Ed25519 signs the same text alike");
}

#[test]
fn a_checkpoint_is_opened_by_its_key_alone() {
    let (ours, older, strange) = (key(), key(), key());
    let note = checkpoint().sign(&ours);
    assert_eq!(Checkpoint::read(&note), Ok(checkpoint()));
    assert_eq!(Checkpoint::open(&note, &[older.public(), ours.public()]), Ok(checkpoint()));
    assert_eq!(Checkpoint::open(&note, &[strange.public()]), Err(NoteError::Unsigned));
    assert_eq!(Checkpoint::open(&note, &[]), Err(NoteError::Unsigned));
    // Signatures of witnesses are added below; ours still counts.
    let witnessed = format!("{note}\u{2014} witness.test AAAAAAAA\n");
    assert_eq!(Checkpoint::open(&witnessed, &[ours.public()]), Ok(checkpoint()));
    let first = Checkpoint { previous: None, ..checkpoint() };
    assert_eq!(Checkpoint::open(&first.sign(&ours), &[ours.public()]), Ok(first));
}

#[test]
fn a_note_that_was_changed_anywhere_is_refused() {
    let key = key();
    let note = checkpoint().sign(&key);
    let keys = [key.public()];
    for at in 0..note.len() {
        let mut bytes = note.clone().into_bytes();
        bytes[at] ^= 1;
        if let Ok(changed) = String::from_utf8(bytes) {
            // The unused bits of the last character of base64 say nothing, and are refused as well.
            assert!(Checkpoint::open(&changed, &keys).is_err(), "byte {at}: {changed}");
        }
        assert!(
            at == 0
                || Checkpoint::open(note.get(..at).unwrap_or_default(), &keys).is_err()
                || at == note.len() - 1
        );
    }
    for other in ["", "\n\n", "a\nb\nc\ntime x\n\n", &"x".repeat(NOTE_BYTES_MAX + 1)] {
        assert_eq!(Checkpoint::read(other), Err(NoteError::Form));
    }
    let unusual = note.replace("109482", "0109482");
    assert_eq!(Checkpoint::read(&unusual), Err(NoteError::Form), "one checkpoint has one text");
}

#[test]
fn what_is_no_key_is_refused() {
    let private = SealingKey::generate().unwrap();
    let public = SealingKey::read(&private).unwrap().public().pem();
    for text in ["", "no key", &public, &format!("{private}{private}")] {
        assert_eq!(SealingKey::read(text).map(drop), Err(SealingKeyError::Private));
    }
    for text in ["", "no key", &private, &format!("{public}{private}")] {
        assert_eq!(VerifyingKey::read_all(text), Err(SealingKeyError::Public));
    }
    assert_eq!(VerifyingKey::read_all(&format!("{public}{public}")).unwrap().len(), 2);
    let in_one_line = private.replace('\n', "\\n");
    assert_eq!(SealingKey::read(&in_one_line).unwrap().public().pem(), public);
    let shown = format!("{:?}", SealingKey::read(&private).unwrap());
    assert_eq!(shown, "SealingKey(…)");
}

#[tokio::test]
async fn records_give_back_the_leaves_they_were_made_of() {
    let key = key();
    let leaf = |n: u8| Leaf { position: i64::from(n) * 3, hash: [n; 32] };
    let leaves: Vec<Leaf> = (1..=5).map(leaf).collect();
    let note = |size| Checkpoint { size, ..checkpoint() }.sign(&key);
    let records = || vec![Record::of(5, note(5), &leaves[2..]), Record::of(2, note(2), &leaves[..2])];
    let read = Records::read(records()).unwrap();
    assert_eq!(read.size().await.unwrap(), 5);
    assert_eq!(read.leaves(1, 9).await.unwrap(), leaves[1..]);
    assert_eq!(read.index_of(12).await.unwrap(), Some(3));
    assert_eq!(read.index_of(13).await.unwrap(), None);
    assert_eq!(read.checkpoint_from(3).await.unwrap().unwrap().note, note(5));
    assert!(read.checkpoint_from(6).await.unwrap().is_none());

    let refused = |records| Records::read(records).map(drop);
    assert_eq!(refused(vec![Record::of(5, note(5), &leaves[2..])]), Err(RecordError::Gap));
    assert_eq!(refused(vec![Record::of(2, note(3), &leaves[..2])]), Err(RecordError::Form));
    assert_eq!(refused(vec![Record::of(2, "no note".to_owned(), &leaves[..2])]), Err(RecordError::Form));
    let mut twice = records();
    twice.extend(records());
    assert_eq!(Records::read(twice).unwrap().size().await.unwrap(), 5, "the same record again is no other");
}
