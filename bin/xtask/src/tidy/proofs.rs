//! Tests that documents name as proofs: one that is renamed or gone proves nothing any more.

/// What a document claims: a file, and a test in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Claim<'t> {
    pub(super) line: usize,
    pub(super) file: &'t str,
    pub(super) test: &'t str,
}

/// The claims in the tables of a document: behind a quoted file, quoted names of tests in it.
pub(super) fn claims(text: &str) -> Vec<Claim<'_>> {
    let mut all = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| line.starts_with('|')) {
        let mut file = None;
        for quoted in line.split('`').skip(1).step_by(2) {
            if quoted.strip_suffix(".rs").is_some() {
                file = Some(quoted);
            } else if let (Some(file), true) = (file, is_test_name(quoted)) {
                all.push(Claim { line: number + 1, file, test: quoted });
            }
        }
    }
    all
}

/// Names of tests are sentences: words with underscores between them.
fn is_test_name(text: &str) -> bool {
    let words = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    words && text.matches('_').count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_behind_a_file_are_claims_of_it() {
        let text =
            "`a.rs` `not_in_a_table`\n| 1 | `b.rs` `a_b_c`, `d_e_f`; `c.rs` `g_h_i`, `no-store`, `nosniff` |";
        let found: Vec<(usize, &str, &str)> =
            claims(text).iter().map(|claim| (claim.line, claim.file, claim.test)).collect();
        assert_eq!(found, [(2, "b.rs", "a_b_c"), (2, "b.rs", "d_e_f"), (2, "c.rs", "g_h_i")]);
    }
}
