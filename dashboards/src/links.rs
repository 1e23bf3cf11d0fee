//! How the dashboards that ask Prometheus lead to one another, and to those of pipelines' data. A link hands on the
//! data source and the time, and nothing else: `namespace` is not the same everywhere.

use crate::{
    fleet,
    grafana::{DATA_TAG, Link},
    operator, pipeline,
};

/// The links of a dashboard: to all others.
pub(crate) fn from(own: &str) -> Vec<Link> {
    let shared = [
        ("Fleet", fleet::UID),
        ("Pipeline", pipeline::UID),
        ("Operator", operator::UID),
    ];
    let others = shared.into_iter().filter(|(_, uid)| *uid != own);
    others
        .map(|(title, uid)| Link::Dashboard {
            title,
            url: format!("/d/{uid}?${{datasource:queryparam}}"),
        })
        .chain([data()])
        .collect()
}

/// The menu of all dashboards of pipelines' data.
pub(crate) fn data() -> Link {
    Link::Tag {
        title: "Data",
        tag: DATA_TAG,
    }
}
