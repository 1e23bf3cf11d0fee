//! An order as arguments of a command line: for the image, and for whoever starts it. Pure.

use jiff::Timestamp;
use sensorstream_crds::Reason;

use super::{
    letter::Position,
    select::{Order, Selection},
};

/// Which letters to replay, and how.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Arguments {
    /// Only letters of this reason; may be given several times
    #[arg(long = "reason", value_name = "REASON", value_parser = reason)]
    reasons: Vec<Reason>,
    /// Only letters since then, in RFC 3339
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only the letter at this partition and offset of the dead letter topic; may be given several times
    #[arg(long = "position", value_name = "PARTITION/OFFSET")]
    positions: Vec<Position>,
    /// Send those too that the pipeline would refuse again
    #[arg(long)]
    even_if_refused: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

impl Arguments {
    /// The order.
    pub fn order(self) -> Order {
        Order {
            selection: Selection {
                reasons: self.reasons,
                since: self.since,
                positions: self.positions,
            },
            even_if_refused: self.even_if_refused,
            dry_run: self.dry_run,
        }
    }
}

/// The arguments that say an order.
pub fn of(order: &Order) -> Vec<String> {
    let selection = &order.selection;
    let pair = |name: &str, value: String| [name.to_owned(), value];
    let reasons = selection.reasons.iter();
    let flags = [
        ("--even-if-refused", order.even_if_refused),
        ("--dry-run", order.dry_run),
    ];
    let flags = flags.into_iter().filter(|(_, set)| *set);
    reasons
        .flat_map(|reason| pair("--reason", reason.as_str().to_owned()))
        .chain(
            selection
                .since
                .iter()
                .flat_map(|since| pair("--since", since.to_string())),
        )
        .chain(
            selection
                .positions
                .iter()
                .flat_map(|at| pair("--position", at.to_string())),
        )
        .chain(flags.map(|(flag, _)| flag.to_owned()))
        .collect()
}

/// Reads a reason.
pub fn reason(text: &str) -> Result<Reason, String> {
    Reason::from_name(text).ok_or_else(|| {
        let known: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        format!("there are {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct CommandLine {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[test]
    fn an_order_is_read_as_it_is_written() {
        let order = Order {
            selection: Selection {
                reasons: vec![Reason::OutOfRange, Reason::Future],
                since: Some("2026-03-04T12:00:00.5Z".parse().unwrap()),
                positions: vec!["0/17".parse().unwrap(), "2/3".parse().unwrap()],
            },
            even_if_refused: true,
            dry_run: true,
        };
        for order in [order, Order::default()] {
            let line = std::iter::once("replay".to_owned()).chain(of(&order));
            let read = CommandLine::try_parse_from(line).unwrap().arguments.order();
            assert_eq!(read, order);
        }
    }

    #[test]
    fn a_reason_that_there_is_not_is_told_which_there_are() {
        let wrong = CommandLine::try_parse_from(["replay", "--reason", "typo"]);
        let text = wrong.err().unwrap().to_string();
        assert!(text.contains("out_of_range"), "{text}");
    }
}
