//! Splitting a limit fairly.

/// How many of `limit` fall to one who has `own` of a `total`, rounded up, so that nobody who has any goes
/// without; all of its own if the limit has room for everyone.
pub(crate) fn share(limit: usize, own: usize, total: usize) -> usize {
    if limit >= total {
        return own;
    }
    // Never more than `own`, for the limit is less than the total.
    (own as u128 * limit as u128).div_ceil(total as u128) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_limit_is_kept_but_for_one_each(
            all in prop::collection::vec(0_usize..1000, 1..20),
            limit in 0_usize..5000,
        ) {
            let total: usize = all.iter().sum();
            let shares: Vec<usize> = all.iter().map(|own| share(limit, *own, total)).collect();
            for (own, share) in all.iter().zip(&shares) {
                prop_assert!(share <= own);
                prop_assert!(*share > 0 || *own == 0 || limit == 0);
            }
            let taken: usize = shares.iter().sum();
            prop_assert!(taken >= limit.min(total) && taken < limit + all.len() || taken == total);
        }
    }
}
