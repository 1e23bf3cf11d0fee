//! The one pipeline of a file that a command is about.

use std::path::PathBuf;

use sensorstream_crds::SensorPipeline;

use super::{Problem, SetError, SourceError, documents, read};

/// Why there is none.
#[derive(Debug)]
pub enum OneError {
    /// The file can't be read.
    Source(SourceError),
    /// What is in it is wrong, by the name of the text.
    Wrong(String, Vec<Problem>),
    /// A `--set` can't be made, of the text of this name.
    Set(String, SetError),
    /// There is no such pipeline.
    None,
    /// There are several, of these names.
    Several(Vec<String>),
}

/// Finds the pipeline in a file, or in a folder or standard input: that of this name, or the only one. It is changed
/// by `--set`, and nothing is wrong with it.
pub fn one(
    path: PathBuf,
    name: Option<&str>,
    assignments: &[String],
) -> Result<SensorPipeline, OneError> {
    let mut found = Vec::new();
    for source in read(&[path]).map_err(OneError::Source)? {
        let wrong = |problem| OneError::Wrong(source.name.clone(), vec![problem]);
        for document in documents(&source).map_err(wrong)? {
            let is_meant = name.is_none_or(|name| document.name() == Some(name));
            if document.is_pipeline() && is_meant {
                found.push((source.name.clone(), document));
            }
        }
    }
    if found.len() > 1 {
        let names = found.iter().filter_map(|(_, document)| document.name());
        return Err(OneError::Several(names.map(str::to_owned).collect()));
    }
    let (source, mut document) = found.pop().ok_or(OneError::None)?;
    for assignment in assignments {
        let set = document.set(assignment);
        set.map_err(|error| OneError::Set(source.clone(), error))?;
    }
    let pipeline = document.pipeline();
    pipeline.map_err(|problems| OneError::Wrong(source, problems))
}
