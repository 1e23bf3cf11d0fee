//! What certificates are worth, read from the certificates themselves: whoever edits the Secret,
//! nothing noted beside them can be wrong.

use jiff::{SignedDuration, Timestamp};
use rcgen::{KeyPair, PublicKeyData};
use x509_parser::{
    certificate::X509Certificate,
    extensions::GeneralName,
    pem::{Pem, parse_x509_pem},
};

use super::certificate::{Material, Names};

const PEM_END: &str = "-----END CERTIFICATE-----\n";

/// From when until when a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

impl Life {
    fn of(certificate: &X509Certificate<'_>) -> Option<Self> {
        let validity = certificate.validity();
        Some(Self {
            from: Timestamp::from_second(validity.not_before.timestamp()).ok()?,
            until: Timestamp::from_second(validity.not_after.timestamp()).ok()?,
        })
    }

    /// When a successor is wanted: after two thirds of it, which leaves time for what may fail.
    pub(super) fn due(self) -> Timestamp {
        let third: SignedDuration = self.from.duration_until(self.until) / 3;
        self.until - third
    }

    pub(super) fn holds(self, now: Timestamp) -> bool {
        (self.from..self.until).contains(&now)
    }
}

/// One of the authorities.
#[derive(Clone, Debug)]
pub(super) struct Authority<'a> {
    pub(super) pem: &'a str,
    pub(super) life: Life,
}

/// The certificate that is served.
#[derive(Clone, Copy, Debug)]
pub(super) struct Serving {
    pub(super) life: Life,
    /// Whether the authority that signs now has signed it, not one that it replaced.
    pub(super) by_current: bool,
}

/// Material whose authority can sign.
#[derive(Clone, Debug)]
pub(super) struct Inspection<'a> {
    /// The authority that signs.
    pub(super) current: Authority<'a>,
    /// Those it replaced, which are still trusted.
    pub(super) replaced: Vec<Authority<'a>>,
    /// What is served; `None` when clients would refuse it.
    pub(super) serving: Option<Serving>,
}

impl<'a> Inspection<'a> {
    /// What the material is worth at `now`; `None` when its authority can't sign.
    pub(super) fn of(material: &'a Material, names: &Names, now: Timestamp) -> Option<Self> {
        let blocks: Vec<&str> = material.authorities.split_inclusive(PEM_END).collect();
        let pems: Vec<Pem> = blocks
            .iter()
            .map(|block| pem(block))
            .collect::<Option<_>>()?;
        let parsed: Vec<_> = pems
            .iter()
            .map(|pem| pem.parse_x509().ok())
            .collect::<Option<_>>()?;
        let mut authorities = Vec::new();
        for (pem, certificate) in blocks.into_iter().zip(&parsed) {
            authorities.push(Authority {
                pem,
                life: Life::of(certificate)?,
            });
        }
        let signs = |(authority, certificate): &(&Authority<'_>, &X509Certificate<'_>)| {
            authority.life.holds(now)
                && certificate.is_ca()
                && belongs(&material.authority_key, certificate)
        };
        authorities.iter().zip(&parsed).next().filter(signs)?;
        let trusted: Vec<_> = authorities
            .iter()
            .zip(&parsed)
            .filter(|(authority, _)| authority.life.holds(now))
            .map(|(_, certificate)| certificate)
            .collect();
        let serving = serving(material, &trusted, names, now);
        let replaced = authorities.split_off(1);
        Some(Self {
            current: authorities.pop()?,
            replaced,
            serving,
        })
    }
}

/// When the certificate ends that is served with, if it is one.
pub(super) fn ends(material: &Material) -> Option<Timestamp> {
    let pem = pem(&material.certificate)?;
    let certificate = pem.parse_x509().ok()?;
    Life::of(&certificate).map(|life| life.until)
}

/// The certificate that is served, if a client that trusts these authorities accepts it.
/// The first of them is the one that signs now.
fn serving(
    material: &Material,
    trusted: &[&X509Certificate<'_>],
    names: &Names,
    now: Timestamp,
) -> Option<Serving> {
    let pem = pem(&material.certificate)?;
    let certificate = pem.parse_x509().ok()?;
    let signed_by = |authority: &&&X509Certificate<'_>| {
        certificate
            .verify_signature(Some(authority.public_key()))
            .is_ok()
    };
    trusted.iter().find(signed_by)?;
    let by_current = trusted.first().is_some_and(|current| signed_by(&current));
    let life = Life::of(&certificate).filter(|life| life.holds(now))?;
    let alternatives = certificate.subject_alternative_name().ok()??;
    let has = |name: &str| {
        let mut general = alternatives.value.general_names.iter();
        general.any(|general| matches!(general, GeneralName::DNSName(dns) if *dns == name))
    };
    (names.iter().all(has) && belongs(&material.key, &certificate))
        .then_some(Serving { life, by_current })
}

fn pem(text: &str) -> Option<Pem> {
    let (_, pem) = parse_x509_pem(text.as_bytes()).ok()?;
    Some(pem)
}

/// Whether a private key is the certificate's.
fn belongs(key: &str, certificate: &X509Certificate<'_>) -> bool {
    let stated = &certificate.public_key().subject_public_key.data;
    KeyPair::from_pem(key).is_ok_and(|key| key.der_bytes() == stated.as_ref())
}
