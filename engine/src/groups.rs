//! The groups of a pane or of a span, which can be gone through bucket by bucket.

use crate::{
    key::{BUCKETS, Key},
    key_set::KeySet,
};

const END: u32 = u32::MAX;

/// Groups, numbered from 0 in the order they came.
#[derive(Debug)]
pub(crate) struct Groups {
    keys: KeySet,
    /// The newest group of each bucket.
    newest: [u32; BUCKETS as usize],
    /// For each group, the one of its bucket that came before it.
    before: Vec<u32>,
}

impl Default for Groups {
    fn default() -> Self {
        Self {
            keys: KeySet::default(),
            newest: [END; BUCKETS as usize],
            before: Vec::new(),
        }
    }
}

impl Groups {
    /// The key of a group.
    pub(crate) fn key(&self, group: u32) -> Key<'_> {
        self.keys.key(group)
    }

    /// The group with a key, if it is there.
    pub(crate) fn find(&self, key: Key<'_>) -> Option<u32> {
        self.keys.find(key)
    }

    /// The group with a key, and whether it is new.
    pub(crate) fn insert(&mut self, key: Key<'_>) -> (u32, bool) {
        let (group, new) = self.keys.insert(key);
        if new {
            self.before
                .push(std::mem::replace(&mut self.newest[key.bucket()], group));
        }
        (group, new)
    }

    /// The groups of a bucket, the newest first.
    pub(crate) fn of_bucket(&self, bucket: usize) -> impl Iterator<Item = u32> {
        let exists = |group: u32| (group != END).then_some(group);
        std::iter::successors(exists(self.newest[bucket]), move |group| {
            exists(self.before[*group as usize])
        })
    }

    /// What they take beside themselves, in bytes.
    pub(crate) fn heap(&self) -> usize {
        self.keys.heap() + self.before.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_group_is_in_the_bucket_of_its_key(
            texts in prop::collection::hash_set("[a-z]{1,4}", 0..200),
        ) {
            let mut groups = Groups::default();
            for text in &texts {
                groups.insert(Key::new(text.as_bytes()));
                prop_assert!(!groups.insert(Key::new(text.as_bytes())).1);
            }
            let mut seen = 0;
            for bucket in 0..usize::from(BUCKETS) {
                for group in groups.of_bucket(bucket) {
                    prop_assert_eq!(groups.key(group).bucket(), bucket);
                    seen += 1;
                }
            }
            prop_assert_eq!(seen, texts.len());
        }
    }
}
