//! The lake: how large its files may grow, and how old.

use std::time::Duration as Span;

use super::{Check, DAY};
use crate::outputs::Lake;

const SIZES: std::ops::RangeInclusive<u64> = 1 << 20..=1 << 30;

impl Check {
    pub(super) fn lake(&mut self, lake: &Lake) {
        let size = &lake.roll.size;
        if !size.parse().is_some_and(|size| SIZES.contains(&size)) {
            let message = format!("must be between 1Mi and 1Gi, not {size}");
            self.refuse("spec.outputs.lake.roll.size", message);
        }
        self.span(
            "spec.outputs.lake.roll.every",
            &lake.roll.every,
            Span::from_secs(1),
            DAY,
        );
    }
}
