//! Who is let in: everybody, whoever has a token, or whoever a trusted proxy names. Pure.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv6Addr},
};

use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;
use sensorstream_crds::{api::Auth, runtime::API_TOKENS_ENV};
use sha2::{Digest, Sha256};

/// How short a token may be.
const SHORTEST_TOKEN: usize = 16;

/// Who is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Everybody.
    Open,
    /// Whoever has a token with one of these digests. Digests take as long to compare whatever
    /// was guessed, for nobody can choose what they begin with.
    Tokens(BTreeSet<[u8; 32]>),
    /// Whoever a proxy names.
    Proxy(Proxy),
}

/// A proxy that says who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    header: HeaderName,
    networks: Vec<IpNet>,
    /// All users if empty.
    users: BTreeSet<String>,
}

/// Why nobody can be told apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// There are no tokens.
    #[error(
        "the environment variable {API_TOKENS_ENV} holds no token of {SHORTEST_TOKEN} characters or more"
    )]
    NoToken,
    /// A setting is not what admission lets through.
    #[error("`{0}` in api.auth.proxy can't be used")]
    Proxy(String),
}

/// Who asks: what requests are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// An address; a network of IPv6, for one machine has as many addresses there as it likes.
    Address(IpAddr),
    /// A user that the proxy named.
    User(String),
    /// Whoever has a token, by its digest.
    Token([u8; 32]),
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no token, or it is none of the good ones.
    Token,
    /// The request did not come through the proxy, or it names nobody.
    NotByProxy,
    /// The user may not.
    User,
}

impl Gate {
    /// The gate that a spec asks for. `tokens` are a line each.
    pub fn new(auth: Option<&Auth>, tokens: Option<&str>) -> Result<Self, GateError> {
        let Some(auth) = auth else {
            return Ok(Self::Open);
        };
        if let Some(proxy) = &auth.proxy {
            let networks = proxy.trusted_networks.iter().map(|network| {
                let wrong = |_| GateError::Proxy(network.clone());
                network.parse::<IpNet>().map_err(wrong)
            });
            let header = HeaderName::try_from(proxy.header.as_str());
            return Ok(Self::Proxy(Proxy {
                header: header.map_err(|_| GateError::Proxy(proxy.header.clone()))?,
                networks: networks.collect::<Result<_, _>>()?,
                users: proxy.users.iter().cloned().collect(),
            }));
        }
        let lines = tokens.unwrap_or_default().lines().map(str::trim);
        let good: BTreeSet<[u8; 32]> = lines
            .filter(|token| token.len() >= SHORTEST_TOKEN)
            .map(digest)
            .collect();
        if good.is_empty() {
            return Err(GateError::NoToken);
        }
        Ok(Self::Tokens(good))
    }

    /// Who asks, if they are let in.
    pub fn admit(&self, headers: &HeaderMap, peer: IpAddr) -> Result<Caller, Refusal> {
        match self {
            Self::Open => Ok(Caller::at(peer)),
            Self::Tokens(good) => bearer(headers)
                .map(digest)
                .filter(|digest| good.contains(digest))
                .map(Caller::Token)
                .ok_or(Refusal::Token),
            Self::Proxy(proxy) => proxy.user(headers, peer).map(Caller::User),
        }
    }
}

impl Proxy {
    fn user(&self, headers: &HeaderMap, peer: IpAddr) -> Result<String, Refusal> {
        let peer = peer.to_canonical();
        if !self.networks.iter().any(|network| network.contains(&peer)) {
            return Err(Refusal::NotByProxy);
        }
        // Twice the header means that the caller wrote one of them.
        let mut named = headers.get_all(&self.header).iter();
        let (Some(user), None) = (named.next(), named.next()) else {
            return Err(Refusal::NotByProxy);
        };
        let user = user.to_str().unwrap_or_default().trim();
        if user.is_empty() {
            return Err(Refusal::NotByProxy);
        }
        if !self.users.is_empty() && !self.users.contains(user) {
            return Err(Refusal::User);
        }
        Ok(user.to_owned())
    }
}

impl Caller {
    /// Whoever asks from an address.
    pub fn at(peer: IpAddr) -> Self {
        Self::Address(match peer.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            address @ IpAddr::V4(_) => address,
        })
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use serde_json::json;

    use super::*;

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn auth(value: serde_json::Value) -> Auth {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn one_of_several_tokens_opens_the_gate() {
        let auth =
            auth(json!({ "bearerToken": { "secretKeyRef": { "name": "api", "key": "token" } } }));
        let gate = Gate::new(
            Some(&auth),
            Some("0123456789abcdef\nfedcba9876543210\nshort\n"),
        )
        .unwrap();
        let ask = |value: &str| gate.admit(&headers(&[("authorization", value)]), PEER);
        assert!(ask("Bearer 0123456789abcdef").is_ok());
        assert!(ask("bearer fedcba9876543210").is_ok());
        for wrong in [
            "Bearer short",
            "Bearer 0123456789abcdeF",
            "Basic 0123456789abcdef",
            "Bearer",
        ] {
            assert_eq!(ask(wrong), Err(Refusal::Token), "{wrong}");
        }
        assert_eq!(gate.admit(&HeaderMap::new(), PEER), Err(Refusal::Token));
        assert_eq!(
            Gate::new(Some(&auth), Some("short")),
            Err(GateError::NoToken)
        );
        assert_eq!(Gate::new(Some(&auth), None), Err(GateError::NoToken));
    }

    #[test]
    fn only_the_proxy_says_who_asks() {
        let auth = auth(json!({ "proxy": {
            "header": "X-Forwarded-User", "trustedNetworks": ["10.0.0.0/24"], "users": ["ann", "bob"],
        } }));
        let gate = Gate::new(Some(&auth), None).unwrap();
        let ann = headers(&[("x-forwarded-user", "ann")]);
        assert_eq!(gate.admit(&ann, PEER), Ok(Caller::User("ann".into())));
        let elsewhere = IpAddr::V4(Ipv4Addr::new(10, 0, 1, 7));
        assert_eq!(gate.admit(&ann, elsewhere), Err(Refusal::NotByProxy));
        let mapped = IpAddr::V6(Ipv4Addr::new(10, 0, 0, 7).to_ipv6_mapped());
        assert!(gate.admit(&ann, mapped).is_ok());
        assert_eq!(
            gate.admit(&headers(&[("x-forwarded-user", "eve")]), PEER),
            Err(Refusal::User)
        );
        for written in [
            &[][..],
            &[("x-forwarded-user", "")],
            &[("x-forwarded-user", "ann"), ("x-forwarded-user", "bob")],
        ] {
            assert_eq!(
                gate.admit(&headers(written), PEER),
                Err(Refusal::NotByProxy)
            );
        }
    }

    #[test]
    fn a_machine_with_many_addresses_is_one_caller() {
        let at = |text: &str| Caller::at(text.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8::2"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:10.0.0.7"), at("10.0.0.7"));
        assert_ne!(at("10.0.0.7"), at("10.0.0.8"));
    }
}
