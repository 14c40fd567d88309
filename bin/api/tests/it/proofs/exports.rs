//! Exports as the portal sends them, verified as they came.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Sealed, folder, sealed, support};
use crate::{
    documents::create,
    operators::chief,
    person::Person,
    service::Settings,
    stream::{Piece, Stream},
};

/// A sealed system, its files, and who may export what is sealed.
struct Office {
    sealed: Sealed,
    folder: PathBuf,
    token: String,
}

impl Office {
    async fn open() -> Self {
        let sealed = sealed().await;
        let support = support(&sealed).await;
        let person = Person::new(&sealed.system.a).await;
        for n in 0..5 {
            create(&person.at(&sealed.system.a), &format!("Milch für Zoë \"{n}\" \\ €")).await;
        }
        sealed.signed(&support, sealed.newest().await).await;
        let token = chief(&sealed.system).await.token();
        let office = Self { folder: folder(&sealed), sealed, token };
        std::fs::write(office.path("key.pem"), office.sealed.keys()[0].pem()).unwrap();
        let files = [office.path("of-the-worker.ndjson"), office.path("checkpoints.ndjson")];
        let arguments = ["audit-export", "--events", text(&files[0]), "--checkpoints", text(&files[1])];
        let exported = office.sealed.worker(&office.sealed.settings, &arguments).await;
        assert_eq!(exported.0, Some(0), "{exported:?}");
        office
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What the portal sends.
    async fn export(&self, query: &str, packing: &str) -> Vec<u8> {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("Authorization", bearer.as_str()), ("Accept-Encoding", packing)];
        let request = format!("GET /v1/audit/export?{query}");
        let mut stream = Stream::open(self.sealed.system.portal.port, &request, &headers, None).await;
        assert_eq!(stream.status().await, 200, "{query}");
        let (body, end) = stream.rest().await;
        assert_eq!(end, Piece::End, "{query}");
        body
    }

    /// What is said of a file with this in it, and the exit code; no settings, no database.
    async fn verify(&self, export: impl AsRef<[u8]>) -> (Option<i32>, String, String) {
        let file = self.path("export");
        std::fs::write(&file, export).unwrap();
        let (seals, key) = (self.path("checkpoints.ndjson"), self.path("key.pem"));
        let arguments =
            ["audit-verify", "--export", text(&file), "--checkpoints", text(&seals), "--key", text(&key)];
        self.sealed.worker(&Settings::none(), &arguments).await
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn field(line: &str, name: &str) -> String {
    serde_json::from_str::<Value>(line).unwrap()[name].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_export_of_the_portal_is_verified_as_it_came_packed_or_not_and_resumed_or_not() {
    let office = Office::open().await;
    for packing in ["identity", "gzip", "zstd"] {
        let body = office.export("format=sealed", packing).await;
        let is_text = body.starts_with(b"{");
        assert_eq!(is_text, packing == "identity", "{packing}");
        let (code, said, why) = office.verify(&body).await;
        assert_eq!(code, Some(0), "{packing}: {said}{why}");
        assert!(said.starts_with("intact: "), "{packing}: {said}");

        let cut = office.verify(&body[..body.len() / 2]).await;
        assert_eq!((cut.0, cut.1.as_str()), (Some(2), ""), "{packing}: a part proves nothing: {cut:?}");
    }

    let whole = String::from_utf8(office.export("format=sealed", "identity").await).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let first = lines[..7].join("\n") + "\n";
    let cut = office.verify(&first).await;
    assert_eq!(cut.0, Some(2), "{cut:?}");
    assert!(cut.2.contains("not whole") && cut.2.contains("go on with `from`"), "{cut:?}");
    let stopped = format!("{first}{}\n", json!({"problem": {"detail": "the log cannot be read now"}}));
    let cut = office.verify(&stopped).await;
    assert!(cut.0 == Some(2) && cut.2.contains("the log cannot be read now"), "{cut:?}");
    let rest = office.export(&format!("format=sealed&from={}", field(lines[6], "cursor")), "identity").await;
    let resumed = [stopped.into_bytes(), rest].concat();
    let intact = office.verify(resumed).await;
    assert_eq!(intact.0, Some(0), "{intact:?}");
    let packed_first = zstd::encode_all(first.as_bytes(), 1).unwrap();
    let packed_rest =
        office.export(&format!("format=sealed&from={}", field(lines[6], "cursor")), "zstd").await;
    let intact = office.verify([packed_first, packed_rest].concat()).await;
    assert_eq!(intact.0, Some(0), "two packed ones behind each other: {intact:?}");
}

#[tokio::test]
async fn what_was_done_to_an_export_of_the_portal_is_found_and_named() {
    let office = Office::open().await;
    let whole = String::from_utf8(office.export("format=sealed", "identity").await).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let at = lines.iter().position(|line| line.contains("Zoë")).unwrap();
    let here = field(lines[at], "position");
    let edited = lines[at].replace("Zoë", "Zoe");
    let by_another = lines[at].replace("\"actor_kind\"", "\"actor_kinds\"");
    let inserted = lines[at].replace(&format!("\"{here}\""), "\"99999999\"");
    let unreadable = json!({"position": here, "problem": {"detail": "it cannot be read"}}).to_string();
    let unreadable = unreadable.replacen('{', "{\"cursor\":\"c\",", 1);
    let change = |how: &dyn Fn(&mut Vec<String>)| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        how(&mut lines);
        lines.join("\n") + "\n"
    };
    // The end is whole, so that this is no cut.
    let last = lines.len() - 1;
    let without_rest = change(&|lines| drop(lines.drain(at..last)));
    for (changed, position, wrong) in [
        (change(&|lines| lines[at].clone_from(&edited)), &*here, "edited"),
        (change(&|lines| lines[at].clone_from(&by_another)), &*here, "edited"),
        (change(&|lines| lines[at].clone_from(&unreadable)), &*here, "edited"),
        (change(&|lines| drop(lines.remove(at))), &*here, "deleted"),
        (without_rest, &*here, "deleted"),
        (change(&|lines| lines.insert(at, inserted.clone())), "99999999", "inserted"),
        (change(&|lines| lines.swap(at, at + 1)), &*here, "swapped"),
    ] {
        let (code, said, why) = office.verify(&changed).await;
        assert_eq!(code, Some(1), "{wrong}: {said}{why}");
        assert!(said.starts_with(&format!("position {position}: {wrong} (leaf {at};")), "{wrong}: {said}");
        let packed = office.verify(zstd::encode_all(changed.as_bytes(), 1).unwrap()).await;
        assert_eq!((packed.0, packed.1), (code, said), "packed, it is the same");
    }
    let readable = office.export("", "identity").await;
    let (code, said, why) = office.verify(readable).await;
    assert_eq!((code, said.as_str()), (Some(2), ""));
    assert!(why.contains("line 1: it is of a readable export; ask the portal for format=sealed"), "{why}");
    let (code, _, why) = office.verify(b"not an export\n").await;
    assert!(code == Some(2) && why.contains("line 1: it is no event"), "{why}");
}
