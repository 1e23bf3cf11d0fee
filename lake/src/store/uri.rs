//! Where a lake is.

use std::{path::PathBuf, str::FromStr};

/// Where a lake is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LakeUri {
    /// `s3://bucket/prefix`
    S3 {
        /// The bucket.
        bucket: String,
        /// What the names of all objects begin with, without a slash at the end; may be empty.
        prefix: String,
    },
    /// `file:///folder`, of this machine: for one process, and for tests.
    Folder(PathBuf),
}

/// The text is no place for a lake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no place for a lake; write s3://bucket/folder, or file:///folder on one machine")]
pub struct UriError(String);

impl FromStr for LakeUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let wrong = || UriError(text.to_owned());
        if let Some(folder) = text.strip_prefix("file://") {
            let absolute = folder.starts_with('/');
            return absolute
                .then(|| Self::Folder(folder.into()))
                .ok_or_else(wrong);
        }
        let rest = text.strip_prefix("s3://").ok_or_else(wrong)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() || prefix.ends_with('/') {
            return Err(wrong());
        }
        Ok(Self::S3 {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_have_folders_and_machines_too() {
        let s3 = |bucket: &str, prefix: &str| {
            Ok(LakeUri::S3 {
                bucket: bucket.into(),
                prefix: prefix.into(),
            })
        };
        assert_eq!("s3://rt-stream/curated".parse(), s3("rt-stream", "curated"));
        assert_eq!("s3://rt-stream/a/b".parse(), s3("rt-stream", "a/b"));
        assert_eq!("s3://rt-stream".parse(), s3("rt-stream", ""));
        let folder = LakeUri::Folder("/var/lake".into());
        assert_eq!("file:///var/lake".parse(), Ok(folder));
    }

    #[test]
    fn everything_else_is_refused() {
        for wrong in [
            "",
            "lake",
            "s3://",
            "s3:///curated",
            "s3://lake/curated/",
            "gs://lake",
            "file://lake",
        ] {
            assert_eq!(
                wrong.parse::<LakeUri>(),
                Err(UriError(wrong.into())),
                "{wrong}"
            );
        }
    }
}
