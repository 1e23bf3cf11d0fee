//! Whether a live object is what was asked for. Only what we set counts: fields that the API
//! server filled in, or that others added, are theirs.

use serde_json::Value;

use super::quantity;

/// Whether every field of `desired` has its value in `live`.
pub fn covers(desired: &Value, live: &Value) -> bool {
    covered(desired, Some(live), Comparison::Exact)
}

#[derive(Clone, Copy)]
enum Comparison {
    Exact,
    /// Texts that are amounts.
    Amounts,
    /// A list whose order and further members are others' business.
    Subset,
}

fn covered(desired: &Value, live: Option<&Value>, comparison: Comparison) -> bool {
    match desired {
        Value::Null => true,
        Value::Object(members) => match live {
            Some(Value::Object(live)) => members.iter().all(|(key, value)| {
                covered(value, live.get(key), comparison_under(key, comparison))
            }),
            // The API server leaves out what is empty.
            None => members.is_empty(),
            Some(_) => false,
        },
        Value::Array(elements) => match live {
            Some(Value::Array(live)) => match comparison {
                Comparison::Subset => elements.iter().all(|element| {
                    live.iter()
                        .any(|l| covered(element, Some(l), Comparison::Exact))
                }),
                Comparison::Exact | Comparison::Amounts => {
                    elements.len() == live.len()
                        && elements
                            .iter()
                            .zip(live)
                            .all(|(element, live)| covered(element, Some(live), comparison))
                }
            },
            None => elements.is_empty(),
            Some(_) => false,
        },
        Value::String(text) => live.and_then(Value::as_str).is_some_and(|live| {
            let same_amount = || {
                let amount = quantity::billionths(text);
                amount.is_some() && amount == quantity::billionths(live)
            };
            live == text || (matches!(comparison, Comparison::Amounts) && same_amount())
        }),
        Value::Bool(_) | Value::Number(_) => live == Some(desired),
    }
}

fn comparison_under(key: &str, inherited: Comparison) -> Comparison {
    match key {
        "limits" | "requests" | "sizeLimit" => Comparison::Amounts,
        "ownerReferences" => Comparison::Subset,
        _ => match inherited {
            Comparison::Subset => Comparison::Exact,
            other => other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn fields_that_others_set_are_no_drift() {
        let desired = json!({ "spec": { "replicas": 1, "ports": [{ "port": 80 }] } });
        let live = json!({
            "metadata": { "uid": "1" },
            "spec": { "replicas": 1, "ports": [{ "port": 80, "protocol": "TCP" }] },
        });
        assert!(covers(&desired, &live));
    }

    #[test]
    fn a_changed_value_a_further_or_a_missing_element_is_drift() {
        let desired = json!({ "args": ["process"], "env": [{ "name": "A", "value": "1" }] });
        for live in [
            json!({ "args": ["produce"], "env": [{ "name": "A", "value": "1" }] }),
            json!({ "args": ["process", "-v"], "env": [{ "name": "A", "value": "1" }] }),
            json!({ "args": ["process"], "env": [] }),
            json!({ "args": ["process"] }),
        ] {
            assert!(!covers(&desired, &live), "{live}");
        }
    }

    #[test]
    fn amounts_are_compared_by_value_only_where_amounts_are() {
        let desired = json!({ "limits": { "memory": "1024Mi" } });
        assert!(covers(&desired, &json!({ "limits": { "memory": "1Gi" } })));
        assert!(!covers(&desired, &json!({ "limits": { "memory": "2Gi" } })));
        assert!(!covers(
            &json!({ "name": "1024Mi" }),
            &json!({ "name": "1Gi" })
        ));
    }

    #[test]
    fn further_owners_are_no_drift() {
        let desired = json!({ "ownerReferences": [{ "uid": "mine" }] });
        assert!(covers(
            &desired,
            &json!({ "ownerReferences": [{ "uid": "x" }, { "uid": "mine" }] })
        ));
        assert!(!covers(
            &desired,
            &json!({ "ownerReferences": [{ "uid": "x" }] })
        ));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z0-9]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-z]{1,4}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// `value` with every object given one more member, as the API server's defaults do.
    fn defaulted(value: &Value) -> Value {
        match value {
            Value::Object(members) => members
                .iter()
                .map(|(key, value)| (key.clone(), defaulted(value)))
                .chain([("DEFAULT".to_owned(), json!(1))])
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Value::Array(elements) => elements.iter().map(defaulted).collect::<Vec<_>>().into(),
            other => other.clone(),
        }
    }

    /// `value` with its first leaf replaced; `None` when it has none.
    fn altered(value: &Value) -> Option<Value> {
        match value {
            Value::Object(members) => members.iter().find_map(|(key, value)| {
                let mut copy = members.clone();
                copy.insert(key.clone(), altered(value)?);
                Some(copy.into())
            }),
            Value::Array(elements) => elements.iter().enumerate().find_map(|(index, value)| {
                let mut copy = elements.clone();
                copy[index] = altered(value)?;
                Some(copy.into())
            }),
            Value::String(text) => Some(format!("{text}, altered").into()),
            Value::Number(_) => Some("altered".into()),
            Value::Bool(value) => Some((!value).into()),
            Value::Null => None,
        }
    }

    proptest! {
        #[test]
        fn everything_covers_itself_with_and_without_defaults(value in any_json()) {
            prop_assert!(covers(&value, &value));
            prop_assert!(covers(&value, &defaulted(&value)));
        }

        #[test]
        fn an_altered_leaf_is_drift(value in any_json()) {
            if let Some(altered) = altered(&value) {
                prop_assert!(!covers(&value, &altered), "{value} against {altered}");
            }
        }
    }
}
