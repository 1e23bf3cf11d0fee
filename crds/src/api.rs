//! The query API with its web dashboard: who may ask, and how much.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{connections::SecretKeyRef, workloads::PodSettings};

/// The query API, with the web dashboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Api {
    /// Number of pods.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 20))]
    pub replicas: i32,
    /// The database login that only reads. When left out, the operator makes one that can read the
    /// pipeline's tables and nothing else, for which the pipeline's own login needs CREATEROLE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<ReaderLogin>,
    /// Who may ask. Everybody who reaches the pods when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// How much may be asked.
    #[serde(default)]
    pub limits: Limits,
    /// Which web pages may call the API from a browser. The dashboard needs none of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<Cors>,
    /// Where and with what the pods run.
    #[serde(flatten)]
    pub pods: PodSettings,
}

/// A login that exists already. The operator lets it read the pipeline's tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReaderLogin {
    /// Secret and key that hold the connection URI, `postgres://user:password@host:port/database`, of
    /// the pipeline's database and another user than the pipeline's.
    pub secret_key_ref: SecretKeyRef,
}

/// Who may ask: exactly one of bearerToken and proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.bearerToken) != has(self.proxy)").message("auth is exactly one of bearerToken and proxy")
)]
pub struct Auth {
    /// Whoever has a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer_token: Option<BearerToken>,
    /// Whoever a proxy in front of the API, such as `oauth2-proxy`, has let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
}

/// Tokens, as `Authorization: Bearer …` carries them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BearerToken {
    /// Secret and key that hold the token, of 16 characters at least. Several, a line each, are all
    /// good, so that tokens can be replaced one by one.
    pub secret_key_ref: SecretKeyRef,
}

/// A proxy that logs people in, with `OpenID` Connect for instance, and says in a header who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proxy {
    /// The header with the user, such as `X-Auth-Request-Email` or `X-Forwarded-User`.
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[A-Za-z][A-Za-z0-9-]*$"))]
    pub header: String,
    /// The networks that the proxy's requests come from, such as `10.244.0.0/16`. What comes from
    /// elsewhere is refused, for it could have written the header itself.
    #[schemars(
        length(min = 1, max = 32),
        inner(
            length(min = 2, max = 49),
            regex(pattern = r"^[0-9A-Fa-f.:]+/[0-9]{1,3}$")
        )
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub trusted_networks: Vec<String>,
    /// The users that may ask. Everybody whom the proxy lets in when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 254)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub users: Vec<String>,
}

/// How much may be asked of one pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// Rows in one answer.
    #[schemars(range(min = 1, max = 10_000))]
    pub page_size: u32,
    /// Requests a second from one address (from one user, with `auth.proxy`); for a moment it may be
    /// four times as many.
    #[schemars(range(min = 1, max = 100_000))]
    pub requests_per_second: u32,
    /// Connections at a time.
    #[schemars(range(min = 1, max = 10_000))]
    pub connections: u32,
    /// Streams of events at a time; each takes a connection.
    #[schemars(range(min = 1, max = 10_000))]
    pub streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            page_size: 10_000,
            requests_per_second: 50,
            connections: 500,
            streams: 200,
        }
    }
}

/// Cross-origin requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cors {
    /// Origins allowed, such as `https://plant.example.com`; `*` alone allows every one.
    #[schemars(
        length(min = 1, max = 32),
        inner(
            length(min = 1, max = 253),
            regex(pattern = r"^(\*|https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?)$")
        )
    )]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new("!('*' in self) || self.size() == 1").message("'*' allows every origin; remove it or the others")
    )]
    pub allowed_origins: Vec<String>,
}

fn one() -> i32 {
    1
}
