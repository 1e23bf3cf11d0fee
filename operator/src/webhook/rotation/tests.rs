use std::sync::Arc;

use k8s_openapi::api::admissionregistration::v1::{ValidatingWebhook, WebhookClientConfig};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConnection,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};

use super::{super::server, *};

const START: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

fn names() -> Names {
    Names::of("sensorstream-webhook", "sensorstream-system")
}

fn day(day: i64) -> Timestamp {
    Timestamp::from_second(START + day * DAY).unwrap()
}

fn fresh(now: Timestamp) -> Material {
    Material::fresh(&names(), now).unwrap()
}

fn step(material: &Material, now: Timestamp) -> Step {
    next(Some(material), Published::Current, &names(), now)
}

fn roots(authorities: &str) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    roots
}

/// Whether a client that trusts these authorities accepts the material's certificate, as the API
/// server would judge it.
fn trusts(authorities: &str, material: &Material, now: Timestamp) -> bool {
    let provider = Arc::new(ring::default_provider());
    let roots = Arc::new(roots(authorities));
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider)
        .build()
        .unwrap();
    let certificate = CertificateDer::from_pem_slice(material.certificate.as_bytes()).unwrap();
    let name = ServerName::try_from("sensorstream-webhook.sensorstream-system.svc").unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now.as_second().unsigned_abs()));
    verifier
        .verify_server_cert(&certificate, &[], &name, &[], now)
        .is_ok()
}

#[test]
fn fresh_material_needs_nothing() {
    let material = fresh(day(0));
    assert!(matches!(step(&material, day(0)), Step::Rest(_)));
    assert!(trusts(&material.authorities, &material, day(0)));
}

#[test]
fn a_server_of_fresh_material_shakes_hands_with_a_client_that_trusts_it() {
    let material = fresh(Timestamp::now());
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(&material.authorities))
        .with_no_client_auth();
    let name = ServerName::try_from("sensorstream-webhook.sensorstream-system.svc").unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut server = ServerConnection::new(Arc::new(server::tls(&material).unwrap())).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut flight = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut flight).unwrap();
        }
        let mut sent = flight.as_slice();
        while !sent.is_empty() {
            server.read_tls(&mut sent).unwrap();
            server.process_new_packets().unwrap();
        }
        let mut flight = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut flight).unwrap();
        }
        let mut sent = flight.as_slice();
        while !sent.is_empty() {
            client.read_tls(&mut sent).unwrap();
            client.process_new_packets().unwrap();
        }
    }
}

#[test]
fn a_certificate_is_renewed_at_two_thirds_of_its_life() {
    let material = fresh(day(0));
    assert!(matches!(step(&material, day(242)), Step::Rest(until) if until < day(244)));
    assert_eq!(step(&material, day(244)), Step::RenewCertificate);
    let renewed = carry_out(
        Step::RenewCertificate,
        Some(material.clone()),
        &names(),
        day(244),
    );
    let renewed = renewed.unwrap().unwrap();
    assert_eq!(renewed.authorities, material.authorities);
    assert_ne!(renewed.certificate, material.certificate);
    assert!(matches!(step(&renewed, day(244)), Step::Rest(_)));
}

#[test]
fn unusable_material_is_replaced() {
    let (material, other) = (fresh(day(0)), fresh(day(0)));
    let broken = |change: fn(&mut Material, &Material)| {
        let mut broken = material.clone();
        change(&mut broken, &other);
        step(&broken, day(0))
    };
    assert_eq!(
        next(None, Published::Differs, &names(), day(0)),
        Step::Start
    );
    assert_eq!(broken(|m, _| m.authorities.clear()), Step::Start);
    assert_eq!(
        broken(|m, _| m.authorities.push_str("and more")),
        Step::Start
    );
    assert_eq!(
        broken(|m, other| m.authority_key.clone_from(&other.authority_key)),
        Step::Start
    );
    assert_eq!(
        broken(|m, _| m.authorities.clone_from(&m.certificate)),
        Step::Start
    );
    assert_eq!(
        broken(|m, _| m.certificate = "none".into()),
        Step::RenewCertificate
    );
    assert_eq!(
        broken(|m, other| m.key.clone_from(&other.key)),
        Step::RenewCertificate
    );
    assert_eq!(
        broken(|m, other| {
            m.certificate.clone_from(&other.certificate);
            m.key.clone_from(&other.key);
        }),
        Step::RenewCertificate
    );
    assert_eq!(step(&material, day(366)), Step::RenewCertificate);
    assert_eq!(step(&material, day(3651)), Step::Start);
    // From before its time: a clock that was set back.
    assert_eq!(step(&material, day(-1)), Step::Start);
}

#[test]
fn a_renamed_service_gets_a_certificate_of_its_name() {
    let renamed = Names::of("other", "sensorstream-system");
    let step = next(Some(&fresh(day(0))), Published::Current, &renamed, day(0));
    assert_eq!(step, Step::RenewCertificate);
}

#[test]
fn what_is_published_is_put_right_and_a_missing_configuration_holds_nothing_up() {
    let material = fresh(day(0));
    let at = |published, now| next(Some(&material), published, &names(), now);
    assert_eq!(at(Published::Differs, day(0)), Step::Publish);
    assert!(matches!(at(Published::Nowhere, day(0)), Step::Rest(_)));
    assert_eq!(at(Published::Nowhere, day(244)), Step::RenewCertificate);
}

#[test]
fn the_configuration_is_compared_webhook_by_webhook() {
    let webhook = |bundle: Option<&str>| ValidatingWebhook {
        client_config: WebhookClientConfig {
            ca_bundle: bundle.map(|bundle| ByteString(bundle.into())),
            ..WebhookClientConfig::default()
        },
        ..ValidatingWebhook::default()
    };
    let of = |bundles: &[Option<&str>]| {
        let webhooks = Some(bundles.iter().map(|bundle| webhook(*bundle)).collect());
        let configuration = ValidatingWebhookConfiguration {
            webhooks,
            ..ValidatingWebhookConfiguration::default()
        };
        Published::of(Some(&configuration), "authorities")
    };
    assert_eq!(of(&[Some("authorities")]), Published::Current);
    assert_eq!(of(&[Some("authorities"), None]), Published::Differs);
    assert_eq!(of(&[Some("others")]), Published::Differs);
    assert_eq!(of(&[]), Published::Nowhere);
    assert_eq!(Published::of(None, "authorities"), Published::Nowhere);
}

/// Twenty-five years, a look every ten days. Replicas swap and the API server hears of a change
/// only after each step, so at every moment both the certificate before and the one after a
/// step must be trusted by the authorities published before and after it.
#[test]
fn no_rotation_ever_breaks_trust() {
    let mut material = fresh(day(0));
    let mut published = material.authorities.clone();
    let (mut authorities, mut certificates) = (0, 0);
    for now in (0..9125).step_by(10).map(day) {
        for round in 0.. {
            assert!(round < 10, "does not come to rest at {now}");
            let state = if published == material.authorities {
                Published::Current
            } else {
                Published::Differs
            };
            let step = next(Some(&material), state, &names(), now);
            let before = (material.clone(), published.clone());
            match step {
                Step::Rest(until) => {
                    assert!(until > now);
                    break;
                }
                Step::Publish => published.clone_from(&material.authorities),
                step => {
                    assert_ne!(step, Step::Start, "at {now}");
                    authorities += i32::from(step == Step::RenewAuthority);
                    certificates += i32::from(step == Step::RenewCertificate);
                    material = carry_out(step, Some(material), &names(), now)
                        .unwrap()
                        .expect("changed");
                }
            }
            for served in [&before.0, &material] {
                assert!(trusts(&before.1, served, now), "after {step:?} at {now}");
                assert!(trusts(&published, served, now), "after {step:?} at {now}");
            }
        }
    }
    assert_eq!(authorities, 3);
    assert!(
        (34..=40).contains(&certificates),
        "{certificates} certificates"
    );
    assert_eq!(material.authorities.matches("BEGIN").count(), 1);
}
