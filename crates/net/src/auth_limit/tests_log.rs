//! Tests of the log of failed attempts.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::limiter::AuthLimiter;
use super::lines::{Line, MOST_LINES, lines};
use super::report::SourceReport;
use super::summary::{Summary, Tally};
use super::tests::{limit, name, peer};
use crate::event_log;

/// What the lines of a report count.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counted {
    failed: u64,
    throttled: u64,
    addresses: u64,
    /// The part of the failed attempts in networks with a line.
    in_networks: u64,
}

fn counted(lines: &[Line]) -> Counted {
    let mut counted = Counted::default();
    for line in lines {
        match line {
            Line::Address(_, report) => {
                counted.failed += report.failures();
                counted.throttled += report.refusals();
                counted.addresses += 1;
            }
            Line::Others(Tally { failed, throttled, addresses, .. }, _) => {
                counted.failed += failed;
                counted.throttled += throttled;
                counted.addresses += addresses.known;
            }
            Line::Network(_, tally) => counted.in_networks += tally.failed,
        }
    }
    counted
}

/// Guesses in ten seconds, at a constant rate, each from another address. Returns how many lines are logged at once,
/// and the lines of the report.
fn guesses_in_ten_seconds(
    limit: &Arc<AuthLimiter>,
    begin: Instant,
    first: u32,
    guesses: u32,
) -> (usize, Vec<Line>) {
    let logged = event_log::tests::lines(|| {
        for number in 0..guesses {
            let now = begin + Duration::from_secs(10) * number / guesses;
            let name = name(&format!("user{}", number % 5000));
            let attempt = limit.begin_at_once(peer(first + number), &name, now).unwrap();
            attempt.failed("logon failure", now);
        }
    });
    (logged, limit.take_lines(begin + Duration::from_secs(10)))
}

#[test]
fn guesses_from_many_addresses_cause_a_limited_number_of_lines_that_count_all_of_them() {
    let limit = limit();
    let mut begin = Instant::now();
    for round in 0..3 {
        let (at_once, report) = guesses_in_ten_seconds(&limit, begin, round * 16_000, 16_000);
        assert!(at_once + report.len() <= MOST_LINES, "{at_once} and {} lines", report.len());
        let counted = counted(&report);
        assert_eq!(counted.failed + u64::try_from(at_once).unwrap(), 16_000);
        assert_eq!((counted.addresses, counted.throttled), (16_000 - 100, 0));
        assert!(counted.in_networks >= 19 * 200, "{counted:?}");
        let Some(Line::Others(others, networks)) =
            report.iter().find(|line| matches!(line, Line::Others(..)))
        else {
            panic!("{report:?}")
        };
        assert_eq!(others.accounts.to_string(), "5000");
        assert!((62..=64).contains(&networks.known), "{networks}");
        begin += Duration::from_secs(10);
    }
}

#[test]
fn few_addresses_have_a_line_each() {
    let (at_once, report) = guesses_in_ten_seconds(&limit(), Instant::now(), 0, 150);
    assert_eq!((at_once, report.len()), (100, 50));
    assert!(report.iter().all(|line| matches!(line, Line::Address(..))));
}

#[test]
fn the_addresses_with_the_most_attempts_have_lines() {
    let addresses = (0..1000_u32)
        .map(|number| {
            let mut report = SourceReport::default();
            for _ in 0..number {
                report.throttled(&name("alice"), Instant::now());
            }
            (peer(number).ip(), report)
        })
        .collect();
    let lines = lines(addresses, Summary::default(), 100);
    assert_eq!(lines.len(), 80 + 1 + 4);
    let least = lines.iter().filter_map(|line| match line {
        Line::Address(_, report) => Some(report.refusals()),
        _ => None,
    });
    assert_eq!(least.min(), Some(920));
    assert_eq!(counted(&lines).throttled, (0..1000).sum::<u64>());
}

#[test]
fn a_number_of_more_items_than_are_counted_is_marked() {
    let mut summary = Summary::default();
    for number in 0..80_000 {
        let mut report = SourceReport::default();
        report.failed(None, Instant::now());
        summary.add(peer(number).ip(), &report);
    }
    assert_eq!(summary.all().failed, 80_000);
    let addresses = summary.all().addresses.to_string();
    assert!(addresses.starts_with("65") && addresses.ends_with('+'), "{addresses}");
}

#[test]
fn the_list_of_names_in_a_line_has_a_limited_length_and_counts_all_attempts() {
    let mut report = SourceReport::default();
    for number in 0..20 {
        let hostile = format!("{number}{}", "\u{202e}".repeat(100));
        report.failed(Some(&name(&hostile)), Instant::now());
    }
    let accounts = report.accounts();
    assert!(accounts.len() < 1000, "{}", accounts.len());
    assert!(accounts.ends_with("(1), 19 for other accounts"), "{accounts}");
}
