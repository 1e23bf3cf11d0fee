//! Why an object can't be written, in terms of what to change.

use std::{error::Error, path::PathBuf};

use object_store::client::{HttpError, HttpErrorKind};

/// Why an object can't be written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Credentials or endpoint make no sense.
    #[error("the lake's settings can't be used; correct the keys of its Secret")]
    Settings(#[source] Box<object_store::Error>),
    /// There is no such folder on this machine.
    #[error("the lake's folder {0} can't be used; make it, writable for this process")]
    NoFolder(PathBuf, #[source] Box<object_store::Error>),
    /// The name can't be an object's.
    #[error("`{0}` can't be the name of an object")]
    BadName(String),
    /// There is no such bucket.
    #[error("there is no bucket {bucket} at {endpoint}; make it, or correct the lake's uri")]
    NoBucket {
        /// The bucket.
        bucket: String,
        /// Who was asked.
        endpoint: String,
    },
    /// The credentials are not known, or not right.
    #[error(
        "{endpoint} does not accept the lake's credentials ({code}); correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )]
    Credentials {
        /// Who was asked.
        endpoint: String,
        /// What it calls that.
        code: String,
    },
    /// It is in another region.
    #[error("the bucket {bucket} is in another region; set AWS_REGION to where it is")]
    Region {
        /// The bucket.
        bucket: String,
        /// What happened.
        #[source]
        source: Box<object_store::Error>,
    },
    /// The credentials are good, but do not allow it.
    #[error(
        "writing to the bucket {bucket} at {endpoint} is not allowed; grant s3:PutObject on it"
    )]
    Denied {
        /// The bucket.
        bucket: String,
        /// Who was asked.
        endpoint: String,
    },
    /// There is no answer.
    #[error("{endpoint} can't be reached; is it up, and AWS_ENDPOINT_URL right?")]
    Unreachable {
        /// Who was asked.
        endpoint: String,
        /// What happened.
        #[source]
        source: Box<object_store::Error>,
    },
    /// Somebody else writes the same object at the same time; it shows when it is tried again.
    #[error("another request for the same object is under way at {endpoint}; it is tried again")]
    Busy {
        /// Who was asked.
        endpoint: String,
    },
    /// Anything else.
    #[error("writing to the lake at {place} failed")]
    Failed {
        /// Where.
        place: String,
        /// What happened.
        #[source]
        source: Box<object_store::Error>,
    },
}

/// Where objects are written, for messages.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Bucket { bucket: String, endpoint: String },
    Folder(PathBuf),
}

/// What a failed attempt means.
pub(super) enum Refusal {
    AlreadyThere,
    Failed(StoreError),
}

pub(super) fn failure(place: &Place, error: object_store::Error) -> Refusal {
    let (bucket, endpoint) = match place {
        Place::Folder(_) if matches!(error, object_store::Error::AlreadyExists { .. }) => {
            return Refusal::AlreadyThere;
        }
        Place::Folder(folder) => {
            return Refusal::Failed(StoreError::Failed {
                place: folder.display().to_string(),
                source: Box::new(error),
            });
        }
        Place::Bucket { bucket, endpoint } => (bucket.clone(), endpoint.clone()),
    };
    let code = code(&error.to_string()).unwrap_or_default().to_owned();
    let source = |error| Box::new(error);
    Refusal::Failed(match error {
        object_store::Error::AlreadyExists { source, .. } if is_there(&*source) => {
            return Refusal::AlreadyThere;
        }
        // Not written, and nobody knows yet whether somebody else's write succeeds.
        object_store::Error::AlreadyExists { .. } => StoreError::Busy { endpoint },
        error if is_unreachable(&error) => StoreError::Unreachable {
            endpoint,
            source: source(error),
        },
        error => match code.as_str() {
            "NoSuchBucket" => StoreError::NoBucket { bucket, endpoint },
            "AccessDenied" => StoreError::Denied { bucket, endpoint },
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken" => {
                StoreError::Credentials { endpoint, code }
            }
            "AuthorizationHeaderMalformed" | "PermanentRedirect" => StoreError::Region {
                bucket,
                source: source(error),
            },
            _ => StoreError::Failed {
                place: format!("s3://{bucket} of {endpoint}"),
                source: source(error),
            },
        },
    })
}

/// S3's word for what is wrong, in an answer's body.
fn code(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(code, _)| code)
}

/// Whether an object is there, as opposed to being written just now by somebody else.
fn is_there(source: &(dyn Error + 'static)) -> bool {
    matches!(
        source.downcast_ref(),
        Some(object_store::Error::Precondition { .. } | object_store::Error::NotModified { .. })
    )
}

fn is_unreachable(error: &object_store::Error) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(http) = error.downcast_ref::<HttpError>() {
            let no_answer = [
                HttpErrorKind::Connect,
                HttpErrorKind::Timeout,
                HttpErrorKind::Interrupted,
                HttpErrorKind::Request,
            ];
            return no_answer.contains(&http.kind());
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a bucket's answer with this code comes to.
    fn answer(code: &str) -> String {
        let body = format!("<Error><Code>{code}</Code></Error>");
        let error = object_store::Error::Generic {
            store: "S3",
            source: body.into(),
        };
        outcome(error)
    }

    fn outcome(error: object_store::Error) -> String {
        let place = Place::Bucket {
            bucket: "lake".into(),
            endpoint: "Amazon S3".into(),
        };
        match failure(&place, error) {
            Refusal::AlreadyThere => "there".into(),
            Refusal::Failed(error) => error.to_string(),
        }
    }

    #[test]
    fn what_to_change_follows_from_the_code() {
        assert!(answer("NoSuchBucket").starts_with("there is no bucket lake at Amazon S3"));
        assert!(answer("AccessDenied").contains("grant s3:PutObject"));
        assert!(answer("ExpiredToken").contains("(ExpiredToken); correct AWS_ACCESS_KEY_ID"));
        assert!(answer("PermanentRedirect").contains("set AWS_REGION"));
        assert_eq!(
            answer("SlowDown"),
            "writing to the lake at s3://lake of Amazon S3 failed"
        );
    }

    #[test]
    fn an_object_that_is_there_is_told_from_one_that_is_being_written() {
        let exists = |source: Box<dyn Error + Send + Sync>| object_store::Error::AlreadyExists {
            path: "part".into(),
            source,
        };
        let there = object_store::Error::Precondition {
            path: "part".into(),
            source: "412".into(),
        };
        assert_eq!(outcome(exists(Box::new(there))), "there");
        let busy = outcome(exists("409 ConditionalRequestConflict".into()));
        assert!(
            busy.contains("another request for the same object"),
            "{busy}"
        );
    }
}
