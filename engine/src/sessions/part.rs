//! The groups of one bucket.

use std::collections::VecDeque;

use hashbrown::{HashTable, hash_table::Entry};

use super::group::Group;
use crate::key::Key;

/// The groups of one bucket that have open sessions, each in a numbered slot.
#[derive(Debug, Default)]
pub(super) struct Part {
    table: HashTable<u32>,
    slots: Vec<Slot>,
    vacant: Vec<u32>,
    /// The slots with sessions that changed since their rows were last taken, perhaps; in the order in which
    /// they changed first.
    dirty: VecDeque<u32>,
}

#[derive(Debug, Default)]
struct Slot {
    group: Option<Box<Group>>,
    /// Whether it is in the list of dirty slots.
    listed: bool,
}

impl Part {
    /// The slot of a key's group, and whether the group is new.
    pub(super) fn insert(&mut self, key: Key<'_>) -> (u32, bool) {
        let Self {
            table,
            slots,
            vacant,
            ..
        } = self;
        let entry = table.entry(
            key.hash,
            |slot| {
                slots[*slot as usize]
                    .group
                    .as_ref()
                    .is_some_and(|group| group.hash == key.hash && *group.key == *key.bytes)
            },
            |slot| hash_of(slots, *slot),
        );
        match entry {
            Entry::Occupied(found) => (*found.get(), false),
            Entry::Vacant(entry) => {
                let slot = vacant.pop().unwrap_or_else(|| {
                    slots.push(Slot::default());
                    u32::try_from(slots.len() - 1).expect("memory ends before numbers do")
                });
                slots[slot as usize].group = Some(Box::new(Group::new(key)));
                entry.insert(slot);
                (slot, true)
            }
        }
    }

    /// Puts a group as an image has it. Its slot; none if it is there already.
    pub(super) fn restore(&mut self, group: Group) -> Option<u32> {
        let (slot, new) = self.insert(group.key());
        new.then(|| {
            self.slots[slot as usize].group = Some(Box::new(group));
            slot
        })
    }

    /// The group in a slot.
    pub(super) fn group(&mut self, slot: u32) -> Option<&mut Group> {
        self.slots[slot as usize].group.as_deref_mut()
    }

    /// Removes the group in a slot.
    pub(super) fn remove(&mut self, slot: u32) {
        let Some(group) = self.slots[slot as usize].group.take() else {
            return;
        };
        if let Ok(entry) = self.table.find_entry(group.hash, |other| *other == slot) {
            entry.remove();
        }
        self.vacant.push(slot);
    }

    /// Takes note that the sessions in a slot changed.
    pub(super) fn list_dirty(&mut self, slot: u32) {
        let listed = &mut self.slots[slot as usize].listed;
        if !std::mem::replace(listed, true) {
            self.dirty.push_back(slot);
        }
    }

    /// A group whose sessions may have changed, which is forgotten; the one that has waited longest.
    pub(super) fn next_dirty(&mut self) -> Option<&mut Group> {
        while let Some(slot) = self.dirty.pop_front() {
            self.slots[slot as usize].listed = false;
            // Its sessions may be closed meanwhile.
            if self.slots[slot as usize].group.is_some() {
                return self.group(slot);
            }
        }
        None
    }

    /// All groups.
    pub(super) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.slots.iter().filter_map(|slot| slot.group.as_deref())
    }

    /// What it takes besides the groups' own, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.table.allocation_size()
            + self.table.len() * size_of::<Group>()
            + self.slots.capacity() * size_of::<Slot>()
            + (self.vacant.capacity() + self.dirty.capacity()) * size_of::<u32>()
    }
}

fn hash_of(slots: &[Slot], slot: u32) -> u64 {
    slots[slot as usize]
        .group
        .as_ref()
        .map_or(0, |group| group.hash)
}
