//! What the simulated vendors have in store: items made from their number, and those that callers wrote.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A list of one kind of objects: so many made up, some written, some deleted.
#[derive(Debug, Default)]
pub struct Shelf {
    written: BTreeMap<u64, Value>,
    deleted: std::collections::BTreeSet<u64>,
    next: u64,
}

impl Shelf {
    /// The object with this id, of `made` that are made up.
    pub fn get(&self, kind: &str, id: u64, made: u64) -> Option<Value> {
        if self.deleted.contains(&id) {
            return None;
        }
        self.written.get(&id).cloned().or_else(|| (1..=made).contains(&id).then(|| item(kind, id)))
    }

    /// One page of the list, and how long the whole is.
    pub fn page(&self, kind: &str, made: u64, offset: u64, limit: u64) -> (Vec<Value>, u64) {
        let gone = self.deleted.iter().filter(|id| **id <= made).count() as u64;
        let beyond = self.written.keys().filter(|id| **id > made).count() as u64;
        let total = made - gone.min(made) + beyond;
        let ids = (1..=made)
            .filter(|id| !self.deleted.contains(id))
            .chain(self.written.keys().copied().filter(|id| *id > made));
        let take = usize::try_from(limit).unwrap_or(usize::MAX);
        // With nothing deleted the page's place is known: no need to walk there.
        let items: Vec<Value> = if gone == 0 && offset < made {
            let ids = (offset + 1..=made).chain(self.written.keys().copied().filter(|id| *id > made));
            ids.take(take).filter_map(|id| self.get(kind, id, made)).collect()
        } else {
            ids.skip(usize::try_from(offset).unwrap_or(usize::MAX))
                .take(take)
                .filter_map(|id| self.get(kind, id, made))
                .collect()
        };
        (items, total)
    }

    /// Whether an object has this value in this field.
    pub fn has(&self, field: &str, value: &str) -> bool {
        self.written.values().any(|object| object[field] == value)
    }

    /// Keeps a new object, and gives it with its id.
    pub fn add(&mut self, kind: &str, made: u64, object: &Value) -> Value {
        self.next += 1;
        let id = made + self.next;
        let stored = merged(item(kind, id), object);
        self.written.insert(id, stored.clone());
        stored
    }

    /// Changes an object; `None` when there is none.
    pub fn change(&mut self, kind: &str, id: u64, made: u64, object: &Value) -> Option<Value> {
        let changed = merged(self.get(kind, id, made)?, object);
        self.written.insert(id, changed.clone());
        Some(changed)
    }

    /// Whether there was something to delete.
    pub fn delete(&mut self, kind: &str, id: u64, made: u64) -> bool {
        let is_there = self.get(kind, id, made).is_some();
        self.written.remove(&id);
        self.deleted.insert(id);
        is_there
    }
}

fn merged(mut object: Value, changes: &Value) -> Value {
    let id = object["id"].clone();
    if let (Some(fields), Some(new)) = (object.as_object_mut(), changes.as_object()) {
        fields.extend(new.clone());
        fields.insert("id".into(), id);
    }
    object
}

/// The object with this number: the same every time.
pub fn item(kind: &str, number: u64) -> Value {
    let mut object = Map::new();
    object.insert("id".into(), json!(number));
    object.insert("name".into(), json!(format!("{kind} {number}")));
    object.insert("description".into(), json!(format!("number {number} of the simulated {kind}")));
    Value::Object(object)
}

/// The id of an object where the vendor has UUIDs.
pub fn uuid(kind: u16, number: u64) -> String {
    format!("00000000-{kind:04x}-4000-8000-{:012x}", number & 0xffff_ffff_ffff)
}

/// The number inside such an id.
pub fn number_of(uuid: &str) -> Option<u64> {
    u64::from_str_radix(uuid.rsplit('-').next()?, 16).ok()
}
