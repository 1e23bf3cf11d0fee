//! Passwords that the operator makes for roles in `PostgreSQL`.

use std::{fmt, num::NonZeroU32};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{digest, hmac, pbkdf2};

/// As many as `PostgreSQL` itself takes. They make guessing slow, and nobody guesses 256 bits.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).unwrap();
const SALT_BYTES: usize = 16;
const KEY_BYTES: usize = 32;

/// A password of 256 random bits, in hex.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Password {
    /// A new one.
    pub fn random() -> Self {
        Self(hex::encode(rand::random::<[u8; 32]>()))
    }

    /// The password itself, for a URI.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What tells it from others and gives nothing of it away.
    pub fn digest(&self) -> String {
        digest(&self.0)
    }

    /// What `PostgreSQL` keeps of it. The password itself in a statement would be in the server's log
    /// as soon as that has statements in it.
    pub fn verifier(&self) -> String {
        verifier(&self.0, &rand::random::<[u8; SALT_BYTES]>())
    }
}

/// SHA-256 of a password, in hex. With 256 random bits in it, it needs no salt.
pub fn digest(password: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, password.as_bytes()))
}

/// SCRAM-SHA-256 as RFC 5803 writes it.
fn verifier(password: &str, salt: &[u8]) -> String {
    let mut salted = [0; KEY_BYTES];
    let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
    pbkdf2::derive(
        algorithm,
        ITERATIONS,
        salt,
        password.as_bytes(),
        &mut salted,
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let client = hmac::sign(&key, b"Client Key");
    let stored = digest::digest(&digest::SHA256, client.as_ref());
    let server = hmac::sign(&key, b"Server Key");
    format!(
        "SCRAM-SHA-256${ITERATIONS}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored),
        STANDARD.encode(server)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verifiers_are_those_that_postgresql_makes() {
        // Of RFC 7677: user `user`, password `pencil`.
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        assert_eq!(
            verifier("pencil", &salt),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==\
             $WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }

    #[test]
    fn passwords_are_long_differ_and_do_not_show() {
        let (one, other) = (Password::random(), Password::random());
        assert_eq!(one.text().len(), 64);
        assert_ne!(one, other);
        assert_ne!(one.digest(), other.digest());
        assert!(!format!("{one:?}").contains(one.text()));
        assert!(!one.verifier().contains(one.text()));
    }
}
