//! What documents tell people to type. Two suites share this file: that of `bin/xtask/tests/ops` runs
//! what delivers ([`Block::delivers`]), that of `bin/api/tests/it` everything else.
//!
//! # How to add a command to a document
//!
//! In a block of its own kind: `sh` for what a test runs, with stand-ins for what it cannot reach, or
//! `sh aws` for what needs AWS, Terraform's state or GitHub. There is nothing between.

use std::{fs, path::Path};

/// The words a marked line may begin with: the mark is no way around the tests.
const AWS: [&str; 4] = ["aws", "gh", "terraform", "export"];

/// A block of lines that are typed together.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// Its document.
    pub(crate) page: String,
    /// The line it begins in.
    pub(crate) line: usize,
    /// The heading, or the bold words at the beginning of a paragraph, that it stands under.
    pub(crate) section: String,
    pub(crate) text: String,
    /// It needs AWS.
    pub(crate) is_marked: bool,
}

impl Block {
    /// Its commands, with those that go on in the next line in one.
    pub(crate) fn commands(&self) -> Vec<String> {
        let whole = self.text.replace("\\\n", " ");
        let lines = whole.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(str::to_owned).collect()
    }

    /// Whether it brings a release somewhere, or looks whether one may go.
    pub(crate) fn delivers(&self) -> bool {
        let delivers =
            |line: &String| line.starts_with("ops/scripts/") || line.starts_with("cargo xtask preflight");
        let (yes, no): (Vec<_>, Vec<_>) = self.commands().into_iter().partition(delivers);
        assert!(yes.is_empty() || no.is_empty(), "{}: two kinds of commands: {no:?}", self.place());
        !yes.is_empty()
    }

    /// Where it is, for whoever has to look.
    pub(crate) fn place(&self) -> String {
        format!("{}:{} ({})", self.page, self.line, self.section)
    }
}

/// All blocks of the documents whose commands are held to be true.
pub(crate) fn blocks(root: &Path) -> Vec<Block> {
    let mut pages = vec!["README.md".to_owned(), "docs/deploying.md".to_owned()];
    for file in fs::read_dir(root.join("ops/runbooks")).unwrap() {
        pages.push(format!("ops/runbooks/{}", file.unwrap().file_name().to_string_lossy()));
    }
    pages.sort_unstable();
    pages.iter().flat_map(|page| read(page, &fs::read_to_string(root.join(page)).unwrap())).collect()
}

fn read(page: &str, text: &str) -> Vec<Block> {
    let (mut blocks, mut section, mut open) = (Vec::new(), String::new(), None::<(String, Block)>);
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        match (trimmed.strip_prefix("```"), &mut open) {
            (Some(kind), None) => {
                let block = Block {
                    page: page.to_owned(),
                    line: number + 1,
                    section: section.clone(),
                    text: String::new(),
                    is_marked: kind == "sh aws",
                };
                open = Some((kind.to_owned(), block));
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, block))) => {
                block.text.push_str(trimmed);
                block.text.push('\n');
            }
            (None, None) => {
                let bold = trimmed.strip_prefix("**").and_then(|rest| rest.split_once("**"));
                if let Some(heading) = trimmed.strip_prefix('#') {
                    heading.trim_start_matches('#').trim().clone_into(&mut section);
                } else if let Some((words, _)) = bold {
                    words.clone_into(&mut section);
                }
            }
        }
    }
    assert!(open.is_none(), "{page} has a block without an end");
    let shown = |kind: &str, block: &Block| match kind {
        "sh" | "sh aws" => true,
        "text" | "graphql" | "json" | "sql" => false,
        other => panic!("{}: a block of the kind {other:?}; commands are `sh` or `sh aws`", block.place()),
    };
    blocks.into_iter().filter(|(kind, block)| shown(kind, block)).map(|(_, block)| block).collect()
}

#[test]
fn the_mark_is_for_what_needs_aws_and_for_nothing_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let all = blocks(&root);
    assert!(all.len() > 20, "{}", all.len());
    for block in all.iter().filter(|block| block.is_marked) {
        for line in block.commands() {
            let first = line.split_whitespace().next().unwrap_or_default();
            assert!(AWS.contains(&first), "{}: {line}: this needs no AWS", block.place());
        }
    }
}

#[test]
fn a_block_of_no_known_kind_is_refused() {
    for text in
        ["```\nrm it\n```", "```bash\nrm it\n```", "```console\n$ rm it\n```", "```sh AWS\nrm it\n```"]
    {
        assert!(std::panic::catch_unwind(|| read("page.md", text)).is_err(), "{text}");
    }
    assert_eq!(read("page.md", "```sh\na \\\n  b\n# no\nc\n```")[0].commands(), ["a  b", "c"]);
}
