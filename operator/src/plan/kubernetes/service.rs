//! Where the query API is found within the cluster.

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::{Site, labels};
use crate::role::Role;

/// The Service of the API, if the pipeline has one.
pub fn service(site: &Site<'_>) -> Option<Service> {
    site.pipeline().spec.api.as_ref()?;
    let role = Role::Api;
    Some(Service {
        metadata: site.metadata(role.object_name(site.name()), Some(role)),
        spec: Some(ServiceSpec {
            selector: Some(labels::selector(site.name(), role)),
            ports: Some(vec![ServicePort {
                name: Some("http".into()),
                port: 80,
                target_port: Some(IntOrString::String("http".into())),
                protocol: Some("TCP".into()),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    })
}

/// The address of the API, if the pipeline has one.
pub fn url(name: &str, namespace: &str) -> String {
    format!("http://{}.{namespace}.svc", Role::Api.object_name(name))
}
