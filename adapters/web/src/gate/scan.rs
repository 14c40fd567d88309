//! One pass over the bytes, before the parser sees them.

use application::Problem;

use super::too_complex;

/// The most tokens of a document.
pub const TOKENS_MAX: usize = 4_000;
/// How deep brackets of all kinds may nest; the parser recurses that deep.
pub const NESTING_MAX: usize = 40;
/// The most directives of a document.
pub const DIRECTIVES_MAX: usize = 30;

/// Refuses what the parser would choke on. It knows only as much of the grammar as it needs to
/// skip strings and comments; the rest is the parser's.
pub(super) fn check(document: &str) -> Result<(), Problem> {
    let bytes = document.as_bytes();
    let (mut at, mut tokens, mut directives, mut nesting) = (0, 0_usize, 0_usize, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                at += 1;
                continue;
            }
            b'#' => {
                at += bytes[at..]
                    .iter()
                    .position(|byte| matches!(byte, b'\n' | b'\r'))
                    .unwrap_or(bytes.len() - at);
                continue;
            }
            b'"' => at = after_string(bytes, at),
            b'{' | b'[' | b'(' => {
                nesting += 1;
                at += 1;
            }
            b'}' | b']' | b')' => {
                nesting = nesting.saturating_sub(1);
                at += 1;
            }
            b'@' => {
                directives += 1;
                at += 1;
            }
            _ if is_name(byte) => {
                at += bytes[at..].iter().position(|byte| !is_name(*byte)).unwrap_or(bytes.len() - at);
            }
            _ => at += 1,
        }
        tokens += 1;
        if nesting > NESTING_MAX {
            return Err(too_complex(format!("the document nests deeper than {NESTING_MAX}")));
        }
        if directives > DIRECTIVES_MAX {
            return Err(too_complex(format!("the document has more than {DIRECTIVES_MAX} directives")));
        }
        if tokens > TOKENS_MAX {
            return Err(too_complex(format!("the document has more than {TOKENS_MAX} tokens")));
        }
    }
    Ok(())
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where the string that starts at `at` has ended. One that does not end reaches to the end: then
/// nothing is left to nest, and the parser refuses it.
fn after_string(bytes: &[u8], at: usize) -> usize {
    let block = bytes[at..].starts_with(b"\"\"\"");
    let mut at = at + if block { 3 } else { 1 };
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if block => at += if bytes[at..].starts_with(b"\\\"\"\"") { 4 } else { 1 },
            b'\\' => at += 2,
            b'"' if !block => return at + 1,
            b'"' if bytes[at..].starts_with(b"\"\"\"") => return at + 3,
            b'\n' | b'\r' if !block => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}
