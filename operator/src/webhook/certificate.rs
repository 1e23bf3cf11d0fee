//! The certificates of the webhook as they stand in its Secret, and the making of new ones.

use std::{collections::BTreeMap, fmt, time::Duration};

use jiff::Timestamp;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};

const DAY: Duration = Duration::from_hours(24);
/// How long an authority is good for.
const AUTHORITY_LIFE: Duration = DAY.saturating_mul(3650);
/// How long a serving certificate is good for.
const CERTIFICATE_LIFE: Duration = DAY.saturating_mul(365);
/// Certificates are good from a little before they are made: clocks differ.
const BACKDATED: Duration = Duration::from_hours(1);

/// The keys of the Secret.
const AUTHORITIES: &str = "ca.crt";
const AUTHORITY_KEY: &str = "ca.key";
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";

/// The DNS names that the API server calls a Service by.
#[derive(Clone, Debug)]
pub(super) struct Names(Vec<String>);

impl Names {
    /// The names of a Service.
    pub(super) fn of(service: &str, namespace: &str) -> Self {
        let short = format!("{service}.{namespace}.svc");
        let long = format!("{short}.cluster.local");
        Self(vec![short, long])
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// What the Secret holds, all of it PEM.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Material {
    /// The authorities to trust: first the one that signs, then those it replaced.
    pub(super) authorities: String,
    /// The key of the authority that signs.
    pub(super) authority_key: String,
    /// The certificate to serve with.
    pub(super) certificate: String,
    /// Its key.
    pub(super) key: String,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material").finish_non_exhaustive()
    }
}

impl Material {
    /// The material in a Secret; `None` when something is missing or no text.
    pub(super) fn of(secret: &Secret) -> Option<Self> {
        let text = |key: &str| {
            let bytes = &secret.data.as_ref()?.get(key)?.0;
            String::from_utf8(bytes.clone()).ok()
        };
        Some(Self {
            authorities: text(AUTHORITIES)?,
            authority_key: text(AUTHORITY_KEY)?,
            certificate: text(CERTIFICATE)?,
            key: text(KEY)?,
        })
    }

    /// The data of the Secret.
    pub(super) fn into_data(self) -> BTreeMap<String, ByteString> {
        [
            (AUTHORITIES, self.authorities),
            (AUTHORITY_KEY, self.authority_key),
            (CERTIFICATE, self.certificate),
            (KEY, self.key),
        ]
        .map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes())))
        .into()
    }

    /// A new authority and a certificate signed by it.
    pub(super) fn fresh(names: &Names, now: Timestamp) -> Result<Self, rcgen::Error> {
        let (authorities, authority_key) = authority(now)?;
        let (certificate, key) = certificate(&authorities, &authority_key, names, now)?;
        Ok(Self {
            authorities,
            authority_key,
            certificate,
            key,
        })
    }

    /// With a new authority before the given ones, and the certificate as it is.
    pub(super) fn with_new_authority(
        self,
        kept: &[&str],
        now: Timestamp,
    ) -> Result<Self, rcgen::Error> {
        let (new, authority_key) = authority(now)?;
        let authorities = new + &kept.concat();
        Ok(Self {
            authorities,
            authority_key,
            ..self
        })
    }

    /// With a new certificate, signed by the authority there is.
    pub(super) fn with_new_certificate(
        self,
        names: &Names,
        now: Timestamp,
    ) -> Result<Self, rcgen::Error> {
        let (certificate, key) = certificate(&self.authorities, &self.authority_key, names, now)?;
        Ok(Self {
            certificate,
            key,
            ..self
        })
    }
}

/// A self-signed authority and its key.
fn authority(now: Timestamp) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut parameters = valid(CertificateParams::default(), now, AUTHORITY_LIFE);
    parameters.distinguished_name = named("sensorstream-webhook-ca");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok((parameters.self_signed(&key)?.pem(), key.serialize_pem()))
}

/// A serving certificate signed by the first of the authorities, and its key.
fn certificate(
    authorities: &str,
    authority_key: &str,
    names: &Names,
    now: Timestamp,
) -> Result<(String, String), rcgen::Error> {
    let issuer = Issuer::from_ca_cert_pem(authorities, KeyPair::from_pem(authority_key)?)?;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let parameters = CertificateParams::new(names.0.clone())?;
    let mut parameters = valid(parameters, now, CERTIFICATE_LIFE);
    parameters.distinguished_name = named("sensorstream-webhook");
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters.use_authority_key_identifier_extension = true;
    Ok((
        parameters.signed_by(&key, &issuer)?.pem(),
        key.serialize_pem(),
    ))
}

fn valid(mut parameters: CertificateParams, now: Timestamp, life: Duration) -> CertificateParams {
    let epoch = date_time_ymd(1970, 1, 1);
    let now = Duration::from_secs(u64::try_from(now.as_second()).unwrap_or(0));
    parameters.not_before = epoch + now.saturating_sub(BACKDATED);
    parameters.not_after = epoch + now + life;
    parameters
}

fn named(name: &str) -> rcgen::DistinguishedName {
    let mut distinguished = rcgen::DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}
