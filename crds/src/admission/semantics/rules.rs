//! Rules: their conditions, and how many alerts they may send.

use std::time::Duration as Span;

use super::{Check, DAY};
use crate::{input::Field, rules::Rule};

impl Check {
    pub(super) fn rules(&mut self, rules: &[Rule], fields: &[Field]) {
        for (index, rule) in rules.iter().enumerate() {
            let path = format!("spec.rules[{index}]");
            self.expression(&format!("{path}.when"), &rule.when, fields);
            if let Some(limit) = &rule.rate_limit {
                let path = format!("{path}.rateLimit.per");
                self.span(&path, &limit.per, Span::from_secs(1), DAY);
            }
        }
    }
}
