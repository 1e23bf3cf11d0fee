//! Who may ask the API.

use ipnet::IpNet;

use super::check::Check;
use crate::{SensorPipelineSpec, api::Api};

impl Check {
    pub(super) fn api(&mut self, api: &Api, spec: &SensorPipelineSpec) {
        if let Some(login) = &api.postgres
            && login.secret_key_ref == spec.postgres.secret_key_ref
        {
            self.refuse(
                "spec.api.postgres.secretKeyRef",
                "this is the pipeline's own login, which may write; name one that only reads, or leave \
                 postgres out and the operator makes one",
            );
        }
        let proxy = api.auth.as_ref().and_then(|auth| auth.proxy.as_ref());
        let networks = proxy.map(|proxy| proxy.trusted_networks.iter());
        for (at, network) in networks.into_iter().flatten().enumerate() {
            if network.parse::<IpNet>().is_err() {
                self.refuse(
                    format!("spec.api.auth.proxy.trustedNetworks[{at}]"),
                    format!(
                        "`{network}` is no network; write an address and the length of its prefix, such as \
                         10.244.0.0/16"
                    ),
                );
            }
        }
    }
}
