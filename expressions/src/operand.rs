//! What the parts of an expression evaluate to, and comparing them.

use std::cmp::Ordering;

/// What a part of an expression evaluates to.
pub(crate) type Operand<T> = Result<T, Absent>;

/// Why a part of an expression has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// The field is null.
    Null,
    /// CEL calls it an error: it can't be computed.
    Error,
}

impl Absent {
    /// An operand of anything but `==`, `!=` and `in`, where null is an error too.
    pub(crate) fn strictly<T>(operand: Operand<T>) -> Operand<T> {
        operand.map_err(|_| Self::Error)
    }
}

/// How two operands must stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Relation {
    /// The relation with its sides exchanged.
    pub(crate) fn mirrored(self) -> Self {
        match self {
            Self::Equal | Self::NotEqual => self,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }

    /// Whether it only asks if the two are the same.
    pub(crate) fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual)
    }

    /// Whether it holds for operands in this order; `None` is the order of NaN and anything.
    pub(crate) fn allows(self, order: Option<Ordering>) -> bool {
        match self {
            Self::Equal => order == Some(Ordering::Equal),
            Self::NotEqual => order != Some(Ordering::Equal),
            Self::Less => order == Some(Ordering::Less),
            Self::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Self::Greater => order == Some(Ordering::Greater),
            Self::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }

    /// Whether it holds between two operands: null equals null and nothing else, and has no order.
    pub(crate) fn between<L, R>(
        self,
        left: Operand<L>,
        right: Operand<R>,
        order: impl FnOnce(&L, &R) -> Option<Ordering>,
    ) -> Operand<bool> {
        match (left, right) {
            (Ok(left), Ok(right)) => Ok(self.allows(order(&left, &right))),
            (Err(Absent::Error), _) | (_, Err(Absent::Error)) => Err(Absent::Error),
            _ if !self.is_equality() => Err(Absent::Error),
            (Err(Absent::Null), Err(Absent::Null)) => Ok(self == Self::Equal),
            _ => Ok(self == Self::NotEqual),
        }
    }
}
