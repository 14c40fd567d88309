//! Just enough reading of Rust to count lines of functions: comments and texts are blanked out, so
//! that braces and words in them do not count.

/// A function and how long it is, from its first line to its closing brace.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) lines: usize,
}

/// A file without comments, texts and its tests.
#[derive(Debug)]
pub(super) struct Source {
    code: String,
}

impl Source {
    pub(super) fn of(text: &str) -> Self {
        Self { code: blank_out(text) }
    }

    /// Places of any of these words in the code, tests included.
    pub(super) fn find<'a>(&self, words: &[&'a str]) -> Vec<(usize, &'a str)> {
        let lines = self.code.lines().enumerate();
        lines
            .flat_map(|(index, line)| {
                let found = words.iter().filter(move |word| line.contains(**word));
                found.map(move |word| (index + 1, *word))
            })
            .collect()
    }

    pub(super) fn lines_before_tests(&self) -> usize {
        self.before_tests().lines().count()
    }

    pub(super) fn functions(&self) -> Vec<Function> {
        let code = self.before_tests();
        let starts = code
            .match_indices("fn ")
            .filter(|(at, _)| *at == 0 || code[..*at].ends_with(|before: char| !is_word(before)));
        starts.filter_map(|(at, _)| function(code, at)).collect()
    }

    /// Tests stand last in a file.
    fn before_tests(&self) -> &str {
        let tests = self.code.find("#[cfg(test)]\nmod ");
        &self.code[..tests.unwrap_or(self.code.len())]
    }
}

fn function(code: &str, at: usize) -> Option<Function> {
    let rest = &code[at..];
    let name: String = rest["fn ".len()..].chars().take_while(|symbol| is_word(*symbol)).collect();
    if name.is_empty() {
        return None;
    }
    let mut depth = 0_usize;
    let mut brackets = 0_usize;
    for (offset, symbol) in rest.char_indices() {
        match symbol {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            // A declaration without a body; `[u8; 4]` in its arguments is not its end.
            ';' if depth == 0 && brackets == 0 => return None,
            '{' => depth += 1,
            '}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    let line = code[..at].matches('\n').count() + 1;
                    let lines = rest[..offset].matches('\n').count() + 1;
                    return Some(Function { name, line, lines });
                }
            }
            _ => {}
        }
    }
    None
}

fn is_word(symbol: char) -> bool {
    symbol.is_alphanumeric() || symbol == '_'
}

/// The same text with blanks for everything inside comments, strings and characters.
fn blank_out(text: &str) -> String {
    let symbols: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < symbols.len() {
        let end = end_of_token(&symbols, at);
        if end == at + 1 {
            out.push(symbols[at]);
        } else {
            let blanked = symbols[at..end].iter();
            out.extend(blanked.map(|symbol| if *symbol == '\n' { '\n' } else { ' ' }));
        }
        at = end;
    }
    out
}

/// Where the comment or literal that begins here ends; the next symbol for anything else.
fn end_of_token(symbols: &[char], at: usize) -> usize {
    let next = symbols.get(at + 1).copied();
    match symbols[at] {
        '/' if next == Some('/') => line_end(symbols, at),
        '/' if next == Some('*') => comment_end(symbols, at),
        '"' => string_end(symbols, at + 1),
        'r' if !preceded_by_word(symbols, at) => raw_string_end(symbols, at).unwrap_or(at + 1),
        '\'' => character_end(symbols, at).unwrap_or(at + 1),
        _ => at + 1,
    }
}

fn line_end(symbols: &[char], at: usize) -> usize {
    let length = symbols[at..].iter().position(|symbol| *symbol == '\n');
    length.map_or(symbols.len(), |length| at + length)
}

/// Comments of this kind nest.
fn comment_end(symbols: &[char], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut index = at;
    while index + 1 < symbols.len() {
        match (symbols[index], symbols[index + 1]) {
            ('/', '*') => {
                depth += 1;
                index += 2;
            }
            ('*', '/') => {
                depth -= 1;
                index += 2;
                if depth == 0 {
                    return index;
                }
            }
            _ => index += 1,
        }
    }
    symbols.len()
}

fn string_end(symbols: &[char], from: usize) -> usize {
    let mut index = from;
    while index < symbols.len() {
        match symbols[index] {
            '\\' => index += 2,
            '"' => return index + 1,
            _ => index += 1,
        }
    }
    symbols.len()
}

fn raw_string_end(symbols: &[char], at: usize) -> Option<usize> {
    let hashes = symbols[at + 1..].iter().take_while(|symbol| **symbol == '#').count();
    let quote = at + 1 + hashes;
    if symbols.get(quote) != Some(&'"') {
        return None;
    }
    let closing: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let length = symbols[quote + 1..].windows(closing.len()).position(|it| it == closing)?;
    Some(quote + 1 + length + closing.len())
}

/// `'a'` and `'\n'`, but not the lifetime `'a`.
fn character_end(symbols: &[char], at: usize) -> Option<usize> {
    if symbols.get(at + 1) == Some(&'\\') {
        let length = symbols[at + 3..].iter().position(|symbol| *symbol == '\'')?;
        return Some(at + 3 + length + 1);
    }
    (symbols.get(at + 2) == Some(&'\'')).then_some(at + 3)
}

fn preceded_by_word(symbols: &[char], at: usize) -> bool {
    // `b` may stand before a raw string; it is no word of its own.
    let before = at.checked_sub(1).map(|index| symbols[index]);
    before.is_some_and(|symbol| is_word(symbol) && symbol != 'b')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn functions(text: &str) -> Vec<(String, usize)> {
        let functions = Source::of(text).functions();
        functions.into_iter().map(|function| (function.name, function.lines)).collect()
    }

    #[test]
    fn braces_in_texts_and_comments_do_not_count() {
        let text = "fn a() {\n  b(\"}\", '}', r#\"}\"}\"#); // }\n  /* } /* } */ } */\n}\n";
        assert_eq!(functions(text), [("a".to_owned(), 4)]);
    }

    #[test]
    fn lifetimes_are_not_characters() {
        assert_eq!(functions("fn a<'a>(x: &'a str) -> &'a str {\n x\n}"), [("a".to_owned(), 3)]);
    }

    #[test]
    fn declarations_have_no_length() {
        assert_eq!(functions("trait A { fn a(x: [u8; 4]); fn b() {} }"), [("b".to_owned(), 1)]);
    }

    #[test]
    fn tests_at_the_end_do_not_count() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() {}\n}\n";
        assert_eq!(functions(text), [("a".to_owned(), 1)]);
        assert_eq!(Source::of(text).lines_before_tests(), 1);
    }
}
