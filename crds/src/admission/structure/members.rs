//! Names of members that are not there, and which one may have been meant.

use serde_json::Value;

/// So many differences make another word of it.
const FAR: usize = 3;

/// The member of `schema` that `name` may have been meant to be: nearest in letters.
pub(super) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let lower = name.to_lowercase();
    let allowed = FAR.min(name.len().div_ceil(3));
    known
        .into_iter()
        .map(|known| (distance(&lower, &known.to_lowercase()), known))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Where else members of this name are; none if they are in too many places to say.
pub(super) fn elsewhere(schema: &Value, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    search(&schema["properties"]["spec"], "spec", name, &mut found);
    if found.len() > 2 {
        found.clear();
    }
    found
}

fn search(schema: &Value, path: &str, name: &str, found: &mut Vec<String>) {
    for (member, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{member}");
        search(inner, &path, name, found);
        if member == name {
            found.push(path);
        }
    }
    if schema["items"].is_object() {
        search(&schema["items"], &format!("{path}[]"), name, found);
    }
}

/// How many letters to change, add, leave out or swap with the next one.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut least = (rows[i][j] + usize::from(a != b))
                .min(rows[i][j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let known = ["fields", "key", "topic", "eventTime", "onDataLoss"];
        let near = |name| nearest(name, known);
        assert_eq!(near("feilds"), Some("fields"));
        assert_eq!(near("field"), Some("fields"));
        assert_eq!(near("event_time"), Some("eventTime"));
        assert_eq!(near("eventtime"), Some("eventTime"));
        assert_eq!(near("keys"), Some("key"));
        assert_eq!(near("replicas"), None);
        assert_eq!(near("x"), None);
    }
}
