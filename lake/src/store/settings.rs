//! How to log in, and to what.

use std::fmt;

use object_store::aws::AmazonS3ConfigKey;

/// Credentials and endpoint of an S3 store, in the variables that Amazon's own tools read:
/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION` (us-east-1 by
/// default), `AWS_ENDPOINT_URL`. Without keys the process's own identity is used: a web identity, a
/// container's, or the machine's.
#[derive(Clone, Default)]
pub struct Settings(Vec<(AmazonS3ConfigKey, String)>);

impl Settings {
    /// The settings in this process's environment.
    pub fn from_environment() -> Self {
        let variables = std::env::vars_os();
        Self::of(variables.filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// The settings among these variables. Empty ones are none.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let known = variables.into_iter().filter_map(|(name, value)| {
            let of_aws = name.starts_with("AWS_") && !value.is_empty();
            let key = of_aws.then(|| name.to_ascii_lowercase().parse().ok())?;
            Some((key?, value))
        });
        Self(known.collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (AmazonS3ConfigKey, &str)> {
        self.0.iter().map(|(key, value)| (*key, value.as_str()))
    }

    fn get(&self, wanted: AmazonS3ConfigKey) -> Option<&str> {
        let mut found = self.iter().filter(|(key, _)| *key == wanted);
        found.next().map(|(_, value)| value)
    }

    /// Whom requests go to, as people know it.
    pub(super) fn endpoint(&self) -> String {
        let given = self
            .get(AmazonS3ConfigKey::S3Endpoint)
            .or_else(|| self.get(AmazonS3ConfigKey::Endpoint));
        given.map_or_else(|| "Amazon S3".to_owned(), ToOwned::to_owned)
    }
}

/// Without what is secret.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(key, _)| key))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        let variables = [
            ("AWS_ACCESS_KEY_ID", "someone"),
            ("AWS_SECRET_ACCESS_KEY", "hidden"),
            ("AWS_SESSION_TOKEN", ""),
            ("AWS_ENDPOINT_URL", "http://minio:9000"),
            ("AWS_PAGER", "less"),
            ("HOME", "/"),
        ];
        Settings::of(variables.map(|(name, value)| (name.to_owned(), value.to_owned())))
    }

    #[test]
    fn what_the_store_needs_is_taken_from_the_environment() {
        let settings = settings();
        let keys: Vec<_> = settings.iter().map(|(key, _)| key).collect();
        assert_eq!(
            keys,
            [
                AmazonS3ConfigKey::AccessKeyId,
                AmazonS3ConfigKey::SecretAccessKey,
                AmazonS3ConfigKey::Endpoint,
            ]
        );
        assert_eq!(settings.endpoint(), "http://minio:9000");
        assert_eq!(Settings::default().endpoint(), "Amazon S3");
    }

    #[test]
    fn nothing_secret_shows_in_debug_output() {
        assert!(!format!("{:?}", settings()).contains("hidden"));
    }
}
