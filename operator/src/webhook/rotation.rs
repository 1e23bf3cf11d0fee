//! Which step the certificates need next. Pure: time and what was seen are arguments.
//!
//! The order keeps every replica trusted all the time:
//!
//! ```text
//! new authority beside the old ─► published ─► certificate by the new one ─► replicas swap
//!                                                 ─► old authority dropped ─► published
//! ```

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{ByteString, api::admissionregistration::v1::ValidatingWebhookConfiguration};

use super::{
    certificate::{Material, Names},
    inspection::{Authority, Inspection},
};

/// How long replicas have to swap before the authority of their old certificate goes.
const SETTLED: Duration = Duration::from_hours(24);

/// What the configuration tells the API server to trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Published {
    /// There is no configuration.
    Nowhere,
    /// Something else than the Secret's authorities.
    Differs,
    /// The Secret's authorities.
    Current,
}

impl Published {
    /// How a configuration compares to these authorities.
    pub(super) fn of(
        configuration: Option<&ValidatingWebhookConfiguration>,
        authorities: &str,
    ) -> Self {
        let mut webhooks = configuration
            .iter()
            .flat_map(|c| c.webhooks.iter().flatten())
            .peekable();
        if webhooks.peek().is_none() {
            return Self::Nowhere;
        }
        let trusts = |bundle: &ByteString| bundle.0 == authorities.as_bytes();
        if webhooks.all(|webhook| webhook.client_config.ca_bundle.as_ref().is_some_and(trusts)) {
            Self::Current
        } else {
            Self::Differs
        }
    }
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Make an authority and a certificate; what there was can't be used.
    Start,
    /// Make a new authority beside the old ones.
    RenewAuthority,
    /// Make a new certificate.
    RenewCertificate,
    /// Stop trusting authorities that were replaced.
    DropReplaced,
    /// Tell the API server the authorities.
    Publish,
    /// Nothing until then.
    Rest(Timestamp),
}

/// The next step.
pub(super) fn next(
    material: Option<&Material>,
    published: Published,
    names: &Names,
    now: Timestamp,
) -> Step {
    let Some(found) = material.and_then(|material| Inspection::of(material, names, now)) else {
        return Step::Start;
    };
    let Some(serving) = found.serving else {
        return Step::RenewCertificate;
    };
    if found.current.life.due() <= now {
        return Step::RenewAuthority;
    }
    // What is published must hold the new authority before anyone serves with it.
    if published == Published::Differs {
        return Step::Publish;
    }
    if serving.life.due() <= now || !serving.by_current {
        return Step::RenewCertificate;
    }
    let settled = serving.life.from + SETTLED;
    if !found.replaced.is_empty() && settled <= now {
        return Step::DropReplaced;
    }
    let mut wakes = vec![found.current.life.due(), serving.life.due()];
    if !found.replaced.is_empty() {
        wakes.push(settled);
    }
    Step::Rest(wakes.into_iter().min().unwrap_or(now))
}

/// The material after a step that changes it; `None` for one that does not.
pub(super) fn carry_out(
    step: Step,
    material: Option<Material>,
    names: &Names,
    now: Timestamp,
) -> Result<Option<Material>, rcgen::Error> {
    let Some(material) = material.filter(|_| step != Step::Start) else {
        return Material::fresh(names, now).map(Some);
    };
    match step {
        Step::RenewAuthority => {
            let before = material.clone();
            let found = Inspection::of(&before, names, now);
            let good = |authority: &Authority<'_>| authority.life.holds(now);
            let kept: Vec<_> = found
                .into_iter()
                .flat_map(|found| std::iter::once(found.current).chain(found.replaced))
                .filter(good)
                .map(|authority| authority.pem)
                .collect();
            material.with_new_authority(&kept, now).map(Some)
        }
        Step::RenewCertificate => material.with_new_certificate(names, now).map(Some),
        Step::DropReplaced => {
            let current =
                Inspection::of(&material, names, now).map(|found| found.current.pem.to_owned());
            Ok(current.map(|authorities| Material {
                authorities,
                ..material
            }))
        }
        Step::Start | Step::Publish | Step::Rest(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests;
