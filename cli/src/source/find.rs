//! The pipelines in files, and what else is there.

use std::{collections::HashMap, path::PathBuf};

use super::{Document, Place, Problem, SetError, Source, SourceError, documents, read};

/// What there is in files.
#[derive(Debug)]
pub struct Found {
    /// The texts.
    pub sources: Vec<Source>,
    /// The pipelines, in order.
    pub pipelines: Vec<Pipeline>,
    /// What is of another kind, for people: where it is and what.
    pub skipped: Vec<String>,
    /// What keeps a text from being read, or pipelines from being told apart, by the text's number.
    pub problems: Vec<(usize, Problem)>,
}

/// A pipeline, and which text it is in.
#[derive(Debug)]
pub struct Pipeline {
    /// The number of the text.
    pub source: usize,
    /// What it is.
    pub document: Document,
}

/// Why pipelines can't be found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// There is nothing to read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A `--set` can't be made.
    #[error(transparent)]
    Set(#[from] SetError),
    /// There are files, but no pipeline in any.
    #[error("there is no SensorPipeline in {0}")]
    None(String),
}

/// Finds the pipelines in files and folders, and changes them by `--set`.
pub fn find(paths: &[PathBuf], assignments: &[String]) -> Result<Found, FindError> {
    let mut found = among(read(paths)?);
    for pipeline in &mut found.pipelines {
        for assignment in assignments {
            pipeline.document.set(assignment)?;
        }
    }
    if found.pipelines.is_empty() && found.problems.is_empty() {
        let names: Vec<String> = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        return Err(FindError::None(names.join(", ")));
    }
    Ok(found)
}

fn among(sources: Vec<Source>) -> Found {
    let (mut pipelines, mut skipped, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for (number, source) in sources.iter().enumerate() {
        let before = pipelines.len();
        match documents(source) {
            Err(problem) => problems.push((number, problem)),
            Ok(documents) => {
                let nameless = documents.iter().find(|document| document.kind().is_none());
                let nameless = nameless.map(Document::start);
                for document in documents {
                    if document.is_pipeline() {
                        pipelines.push(Pipeline {
                            source: number,
                            document,
                        });
                    } else {
                        skipped.push(other(source, &document));
                    }
                }
                if pipelines.len() == before && source.named {
                    problems.push((number, none(nameless)));
                }
            }
        }
    }
    problems.extend(repeated(&sources, &pipelines));
    Found {
        sources,
        pipelines,
        skipped,
        problems,
    }
}

fn other(source: &Source, document: &Document) -> String {
    let what = match (document.kind(), document.name()) {
        (None, _) => "a document without a kind".to_owned(),
        (Some(kind), None) => kind.to_owned(),
        (Some(kind), Some(name)) => format!("{kind} {name}"),
    };
    let line = document.start().line;
    format!(
        "{}:{line}: {what} is no SensorPipeline; skipped",
        source.name
    )
}

fn none(nameless: Option<Place>) -> Problem {
    let start = Place {
        line: 1,
        column: 1,
        length: 1,
    };
    match nameless {
        None => Problem::at(start, "there is no SensorPipeline in this file"),
        Some(place) => Problem::at(
            place,
            "there is no SensorPipeline in this file, and this has no kind; if it is to be one, add \
             `apiVersion: sensorstream.dev/v1alpha1` and `kind: SensorPipeline`",
        ),
    }
}

/// Pipelines of which the later would replace the earlier.
fn repeated(sources: &[Source], pipelines: &[Pipeline]) -> Vec<(usize, Problem)> {
    let mut seen: HashMap<(String, String), String> = HashMap::new();
    let mut found = Vec::new();
    for Pipeline { source, document } in pipelines {
        let Some(name) = document.name() else {
            continue;
        };
        let namespace = document.value()["metadata"]["namespace"]
            .as_str()
            .unwrap_or_default();
        let place = document.place("metadata.name");
        let here = format!("{}:{}", sources[*source].name, place.line);
        let key = (namespace.to_owned(), name.to_owned());
        if let Some(first) = seen.get(&key) {
            let message =
                format!("a pipeline `{name}` is in {first} already; give one of them another name");
            found.push((
                *source,
                Problem {
                    path: "metadata.name".into(),
                    ..Problem::at(place, message)
                },
            ));
        } else {
            seen.insert(key, here);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, text: &str, named: bool) -> Source {
        Source {
            name: name.to_owned(),
            text: text.to_owned(),
            named,
        }
    }

    const PIPELINE: &str =
        "apiVersion: sensorstream.dev/v1alpha1\nkind: SensorPipeline\nmetadata: { name: a }\n";

    #[test]
    fn other_kinds_are_skipped_and_a_named_file_without_a_pipeline_is_wrong() {
        let secret = "kind: Secret\nmetadata: { name: db }\n";
        let found = among(vec![
            source("both.yaml", &format!("{secret}---\n{PIPELINE}"), true),
            source("folder/secret.yaml", secret, false),
            source("secret.yaml", secret, true),
            source("values.yaml", "spec: {}\n", true),
        ]);
        assert_eq!(found.pipelines.len(), 1);
        assert_eq!(found.skipped.len(), 4);
        assert_eq!(
            found.skipped[0],
            "both.yaml:1: Secret db is no SensorPipeline; skipped"
        );
        let wrong: Vec<usize> = found.problems.iter().map(|(number, _)| *number).collect();
        assert_eq!(wrong, [2, 3]);
        assert!(found.problems[1].1.message.contains("add `apiVersion"));
    }

    #[test]
    fn two_pipelines_of_one_name_are_told() {
        let found = among(vec![
            source("a.yaml", PIPELINE, true),
            source("b.yaml", PIPELINE, true),
        ]);
        let (number, problem) = &found.problems[0];
        assert_eq!((*number, problem.line), (1, 3));
        assert_eq!(
            problem.to_string(),
            "metadata.name: a pipeline `a` is in a.yaml:3 already; give one of them another name"
        );
    }
}
