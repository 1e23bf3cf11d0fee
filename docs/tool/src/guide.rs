//! Tests of the documents that people write: links lead somewhere, resources may be applied, nothing is forgotten.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use sensorstream_crds::admission::violations;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// All documents: those of the root, and everything under `docs`.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    let mut found = vec![
        root.join("README.md"),
        root.join("CONTRIBUTING.md"),
        root.join("bench/README.md"),
    ];
    below(&root.join("docs"), &mut found);
    found
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// The lines that are no code, and the blocks of code with their languages.
fn parts(text: &str) -> (Vec<&str>, Vec<(&str, String)>) {
    let (mut prose, mut blocks) = (Vec::new(), Vec::new());
    let mut block: Option<(&str, String)> = None;
    for line in text.lines() {
        let fence = line.trim_start().strip_prefix("```");
        block = match (block.take(), fence) {
            (None, Some(language)) => Some((language, String::new())),
            (Some(whole), Some(_)) => {
                blocks.push(whole);
                None
            }
            (Some((language, text)), None) => Some((language, text + line + "\n")),
            (None, None) => {
                prose.push(line);
                None
            }
        };
    }
    (prose, blocks)
}

/// Where the links of a line lead to.
fn links(line: &str) -> Vec<&str> {
    // What is in backticks is code: every other piece.
    let prose = line.split('`').step_by(2);
    let targets = prose.flat_map(|text| text.split("](").skip(1));
    targets.filter_map(|rest| rest.split(')').next()).collect()
}

/// The places of a document that links can name.
fn anchors(text: &str) -> BTreeSet<String> {
    let (prose, _) = parts(text);
    let headings = prose.into_iter().filter(|line| line.starts_with('#'));
    let kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            title
                .chars()
                .filter(kept)
                .collect::<String>()
                .replace(' ', "-")
        })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut dead = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let (prose, _) = parts(&text);
        for target in prose.iter().flat_map(|line| links(line)) {
            if target.contains("://") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let there = if path.is_empty() {
                document.clone()
            } else {
                document.parent().unwrap().join(path)
            };
            let leads = there.exists()
                && (anchor.is_empty()
                    || anchors(&fs::read_to_string(&there).unwrap()).contains(anchor));
            if !leads {
                dead.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn every_resource_may_be_applied() {
    let mut found = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let (_, blocks) = parts(&text);
        let resources = blocks.into_iter().filter(|(language, text)| {
            *language == "yaml" && text.contains("kind: SensorPipeline\n")
        });
        for (_, text) in resources {
            let resource = serde_yaml_ng::from_str(&text).unwrap();
            assert_eq!(violations(&resource, None), [], "{}", document.display());
            found += 1;
        }
    }
    assert!(found > 0);
}

#[test]
fn every_page_of_the_guide_is_in_the_table_of_contents() {
    let contents = fs::read_to_string(format!("{ROOT}/docs/README.md")).unwrap();
    let mut pages = Vec::new();
    below(&Path::new(ROOT).join("docs/guide"), &mut pages);
    for page in pages {
        let page = page.to_string_lossy().replace(&format!("{ROOT}/docs/"), "");
        assert!(contents.contains(&format!("({page})")), "{page}");
    }
}
