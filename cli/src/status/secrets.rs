//! Commands for the Secret that a message is about, with the keys that it has to have. Pure.

use sensorstream_crds::runtime::LAKE_KEYS;

use super::advice::Place;

/// A Secret of a spec, and what is to be in it: keys with examples.
struct Wanted<'a> {
    name: &'a str,
    literals: Vec<(&'a str, &'static str)>,
}

const URI: &str = "postgres://USER:PASSWORD@HOST:5432/DATABASE";

/// What makes the Secret that `message` names.
pub fn create(place: &Place<'_>, message: &str) -> Vec<String> {
    named(place, message)
        .iter()
        .map(|secret| place.here(&format!("create secret generic {}", with_literals(secret))))
        .collect()
}

/// What shows the Secret that `message` names, and what puts its keys right.
pub fn replace(place: &Place<'_>, message: &str) -> Vec<String> {
    named(place, message)
        .iter()
        .flat_map(|secret| {
            let show = place.here(&format!("describe secret {}", secret.name));
            let create = format!(
                "create secret generic {} --dry-run=client -o yaml",
                with_literals(secret)
            );
            let put = format!("{} | {}", place.here(&create), place.kubectl("apply -f -"));
            [show, put]
        })
        .collect()
}

fn with_literals(secret: &Wanted<'_>) -> String {
    let literals = secret.literals.iter().map(|(key, example)| {
        if key.starts_with("tls.") || *key == "ca.crt" {
            format!("--from-file={key}={example}")
        } else {
            format!("--from-literal={key}={example}")
        }
    });
    let parts: Vec<String> = std::iter::once(secret.name.to_owned())
        .chain(literals)
        .collect();
    parts.join(" ")
}

fn named<'a>(place: &Place<'a>, message: &str) -> Vec<Wanted<'a>> {
    let said = |name: &str| {
        let words = message.split(|char: char| char.is_whitespace() || ",;:".contains(char));
        words.into_iter().any(|word| word == name)
    };
    let mut found = all(place);
    found.retain(|secret| said(secret.name));
    found
}

/// The Secrets that a spec names.
fn all<'a>(place: &Place<'a>) -> Vec<Wanted<'a>> {
    let spec = place.spec;
    let own = &spec.postgres.secret_key_ref;
    let mut secrets = vec![Wanted {
        name: &own.name,
        literals: vec![(&own.key, URI)],
    }];
    if let Some(sasl) = &spec.kafka.sasl {
        secrets.push(Wanted {
            name: &sasl.secret_ref.name,
            literals: vec![("username", "USER"), ("password", "PASSWORD")],
        });
    }
    if let Some(tls) = spec
        .kafka
        .tls
        .as_ref()
        .and_then(|tls| tls.secret_ref.as_ref())
    {
        secrets.push(Wanted {
            name: &tls.name,
            literals: vec![("ca.crt", "ca.pem")],
        });
    }
    if let Some(lake) = spec
        .outputs
        .lake
        .as_ref()
        .and_then(|lake| lake.secret_ref.as_ref())
    {
        secrets.push(Wanted {
            name: &lake.name,
            literals: LAKE_KEYS.map(|key| (key, "…")).to_vec(),
        });
    }
    if let Some(api) = &spec.api {
        if let Some(postgres) = &api.postgres {
            let reference = &postgres.secret_key_ref;
            secrets.push(Wanted {
                name: &reference.name,
                literals: vec![(&reference.key, URI)],
            });
        }
        let auth = api.auth.as_ref();
        if let Some(token) = auth.and_then(|auth| auth.bearer_token.as_ref()) {
            let reference = &token.secret_key_ref;
            secrets.push(Wanted {
                name: &reference.name,
                literals: vec![(&reference.key, "TOKEN")],
            });
        }
    }
    secrets
}
