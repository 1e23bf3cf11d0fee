//! Errors as one line.

use std::error::Error;

/// An error with its causes, outermost first: `applying Service a: connection refused`.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some libraries repeat their source in their own text.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("connection refused")]
    struct Refused;

    #[derive(Debug, thiserror::Error)]
    enum Step {
        #[error("asking the broker")]
        Silent(#[source] Refused),
        #[error("asking the broker (connection refused) failed")]
        Repeating(#[source] Refused),
    }

    #[test]
    fn causes_follow_their_effects() {
        let error = Step::Silent(Refused);
        assert_eq!(chain(&error), "asking the broker: connection refused");
    }

    #[test]
    fn what_was_said_is_not_said_again() {
        let error = Step::Repeating(Refused);
        assert_eq!(
            chain(&error),
            "asking the broker (connection refused) failed"
        );
    }
}
