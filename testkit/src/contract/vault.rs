//! The vault: what is sealed opens for its person and field only, and never without the key.

use std::sync::Arc;

use application::ports::{Entropy, Vault, VaultError};
use domain::Sealed;
use uuid::Uuid;

use crate::TestEntropy;

type Shared = Arc<dyn Vault>;

async fn seal(vault: &Shared, subject: Uuid, field: &'static str, clear: &str) -> Sealed {
    vault.seal(subject, field, clear).await.expect("the vault seals")
}

/// Whatever the text.
pub async fn what_was_sealed_opens_again(vault: Shared) {
    let subject = TestEntropy::seeded(51).id();
    for clear in ["Zoë Ångström", "", "a", "\0\n\"'", &"long ".repeat(1000)] {
        let sealed = seal(&vault, subject, "fullname", clear).await;

        assert_eq!(vault.open(subject, "fullname", &sealed).await.expect("it opens").as_deref(), Some(clear));
        assert!(clear.len() < 3 || !sealed.as_str().contains(clear));
    }
}

/// So that the domain sees that nothing changed.
pub async fn equal_values_of_one_person_and_field_seal_alike(vault: Shared) {
    let subject = TestEntropy::seeded(52).id();

    assert_eq!(
        seal(&vault, subject, "email", "a@b.cd").await,
        seal(&vault, subject, "email", "a@b.cd").await
    );
    assert_ne!(
        seal(&vault, subject, "email", "a@b.cd").await,
        seal(&vault, subject, "email", "a@b.ce").await
    );
}

/// So that nobody sees that two people are called alike.
pub async fn another_person_or_field_seals_otherwise(vault: Shared) {
    let entropy = TestEntropy::seeded(53);
    let (alice, bob) = (entropy.id(), entropy.id());
    let of_alice = seal(&vault, alice, "fullname", "Kim").await;

    assert_ne!(of_alice, seal(&vault, bob, "fullname", "Kim").await);
    assert_ne!(of_alice, seal(&vault, alice, "username", "Kim").await);
}

/// A sealed value that was moved is refused.
pub async fn a_seal_of_another_person_or_field_does_not_open(vault: Shared) {
    let entropy = TestEntropy::seeded(54);
    let (alice, bob) = (entropy.id(), entropy.id());
    let of_alice = seal(&vault, alice, "fullname", "Alice").await;
    seal(&vault, bob, "fullname", "Bob").await;

    for (subject, field, sealed) in [
        (bob, "fullname", &of_alice),
        (alice, "username", &of_alice),
        (alice, "fullname", &Sealed::new("AAAA")),
        (alice, "fullname", &Sealed::new("not even base64!")),
    ] {
        let opened = vault.open(subject, field, sealed).await;
        assert!(matches!(opened, Err(VaultError::Broken(_))), "{opened:?}");
    }
}

/// Who was erased, or never there.
pub async fn nothing_opens_of_a_person_without_a_key(vault: Shared) {
    let entropy = TestEntropy::seeded(55);
    let sealed = seal(&vault, entropy.id(), "fullname", "Alice").await;

    assert_eq!(vault.open(entropy.id(), "fullname", &sealed).await.expect("that is no failure"), None);
}

/// Look-ups are the same on every call, and tell nothing of other scopes.
pub async fn a_value_is_found_by_its_index_in_its_scope_only(vault: Shared) {
    let index = async |scope, clear| vault.index(scope, clear).await.expect("the vault answers");
    let alice = index("user.email", "alice@example.org").await;

    assert_eq!(alice, index("user.email", "alice@example.org").await);
    assert_ne!(alice, index("user.email", "bob@example.org").await);
    assert_ne!(alice, index("user.username", "alice@example.org").await);
    assert!(!alice.as_str().contains("alice"));
}
