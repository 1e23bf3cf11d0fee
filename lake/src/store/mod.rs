//! The object store: where it is, how to log in, and writing an object once.

mod error;
mod s3;
mod settings;
mod uri;

use bytes::Bytes;
use object_store::{
    ObjectStore, PutMode, PutOptions, local::LocalFileSystem, path::Path as ObjectPath,
};

use self::error::{Place, Refusal, failure};
pub use self::{
    error::StoreError,
    settings::Settings,
    uri::{LakeUri, UriError},
};

/// A place for objects.
#[derive(Debug)]
pub struct Store {
    objects: Box<dyn ObjectStore>,
    prefix: String,
    place: Place,
}

/// What writing an object came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is there now.
    Written,
    /// It was there before.
    AlreadyThere,
}

impl Store {
    /// The store at a URI. Nothing is connected to yet; a folder must exist.
    pub fn open(uri: &LakeUri, settings: &Settings) -> Result<Self, StoreError> {
        match uri {
            LakeUri::S3 { bucket, prefix } => {
                let endpoint = settings.endpoint();
                let place = Place::Bucket {
                    bucket: bucket.clone(),
                    endpoint,
                };
                Ok(Self {
                    objects: Box::new(s3::bucket(bucket, settings)?),
                    prefix: prefix.clone(),
                    place,
                })
            }
            LakeUri::Folder(folder) => {
                let no_folder = |error| StoreError::NoFolder(folder.clone(), Box::new(error));
                let files = LocalFileSystem::new_with_prefix(folder).map_err(no_folder)?;
                Ok(Self {
                    // What counts as written must outlive the machine.
                    objects: Box::new(files.with_fsync(true)),
                    prefix: String::new(),
                    place: Place::Folder(folder.clone()),
                })
            }
        }
    }

    /// Writes an object, unless there is one of that name, which is left as it is. After an error it
    /// may be there or not, but never a part of it: the same call settles it.
    pub async fn put_once(&self, name: &str, bytes: Bytes) -> Result<Put, StoreError> {
        let mut path = self.prefix.clone();
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(name);
        let path = ObjectPath::parse(path).map_err(|_| StoreError::BadName(name.to_owned()))?;
        let options = PutOptions::from(PutMode::Create);
        match self.objects.put_opts(&path, bytes.into(), options).await {
            Ok(_) => Ok(Put::Written),
            Err(error) => match failure(&self.place, error) {
                Refusal::AlreadyThere => Ok(Put::AlreadyThere),
                Refusal::Failed(error) => Err(error),
            },
        }
    }
}
