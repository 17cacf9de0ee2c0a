//! What is measured: the latencies of operations, and failures.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// The longest latency that is measured, in microseconds. Longer ones count as this one.
const LONGEST: u64 = 600_000_000;

/// The most different failures that are counted each. Further ones count as one.
const MAX_FAILURES: usize = 50;

/// The failures beyond [`MAX_FAILURES`].
const OTHERS: &str = "other failures";

/// The figures of one operation.
#[derive(Debug)]
struct Series {
    /// Microseconds.
    latencies: Histogram<u64>,
    failed: u64,
}

impl Series {
    /// The latency that half, 90 % and 99 % of the operations had at most, and the longest one, in milliseconds.
    fn milliseconds(&self) -> [f64; 4] {
        [0.5, 0.9, 0.99, 1.0].map(|quantile| {
            let micros = self.latencies.value_at_quantile(quantile);
            Duration::from_micros(micros).as_secs_f64() * 1000.0
        })
    }
}

/// The figures of all users.
#[derive(Debug)]
pub(super) struct Figures {
    begin: Instant,
    operations: Mutex<Operations>,
}

#[derive(Debug, Default)]
struct Operations {
    series: BTreeMap<&'static str, Series>,
    failures: BTreeMap<String, u64>,
}

impl Figures {
    pub(super) fn new() -> Self {
        Self { begin: Instant::now(), operations: Mutex::default() }
    }

    /// Counts an operation that took `latency`, and failed for the reason `failure` if there is one.
    pub(super) fn count(&self, operation: &'static str, latency: Duration, failure: Option<String>) {
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        let Operations { series, failures } = &mut *operations;
        let Some(series) = entry(series, operation) else { return };
        match failure {
            None => {
                let micros = u64::try_from(latency.as_micros()).unwrap_or(LONGEST);
                series.latencies.saturating_record(micros.clamp(1, LONGEST));
            }
            Some(failure) => {
                series.failed += 1;
                let known = failures.contains_key(&failure) || failures.len() < MAX_FAILURES;
                let key = if known { failure } else { OTHERS.to_owned() };
                *failures.entry(key).or_default() += 1;
            }
        }
    }

    /// The number of operations, and of those that failed.
    pub(super) fn totals(&self) -> (u64, u64) {
        let operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        let all = operations.series.values();
        all.fold((0, 0), |(done, failed), series| (done + series.latencies.len(), failed + series.failed))
    }

    /// The results as JSON.
    pub(super) fn json(&self) -> Value {
        let operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = self.begin.elapsed().as_secs_f64();
        let row = |(name, series): (&&'static str, &Series)| {
            let [p50, p90, p99, max] = series.milliseconds();
            let value = json!({
                "count": series.latencies.len(),
                "failed": series.failed,
                "per_second": per_second(series.latencies.len(), seconds),
                "p50_ms": p50,
                "p90_ms": p90,
                "p99_ms": p99,
                "max_ms": max,
            });
            ((*name).to_owned(), value)
        };
        let rows: serde_json::Map<String, Value> = operations.series.iter().map(row).collect();
        json!({ "seconds": seconds, "operations": rows, "failures": operations.failures })
    }
}

/// The series of `operation`, which is added if it is new. A histogram with constant limits can always be made.
fn entry<'a>(
    series: &'a mut BTreeMap<&'static str, Series>,
    operation: &'static str,
) -> Option<&'a mut Series> {
    if !series.contains_key(operation) {
        let latencies = Histogram::new_with_bounds(1, LONGEST, 3).ok()?;
        series.insert(operation, Series { latencies, failed: 0 });
    }
    series.get_mut(operation)
}

fn per_second(count: u64, seconds: f64) -> f64 {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    if seconds > 0.0 { f64::from(count) / seconds } else { 0.0 }
}

/// A table for people.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = self.begin.elapsed().as_secs_f64();
        writeln!(
            f,
            "{:<16} {:>8} {:>8} {:>10} {:>10} {:>10} {:>10} {:>7}",
            "operation", "count", "per s", "p50 ms", "p90 ms", "p99 ms", "max ms", "failed"
        )?;
        for (name, series) in &operations.series {
            let [p50, p90, p99, max] = series.milliseconds();
            writeln!(
                f,
                "{name:<16} {:>8} {:>8.2} {p50:>10.2} {p90:>10.2} {p99:>10.2} {max:>10.2} {:>7}",
                series.latencies.len(),
                per_second(series.latencies.len(), seconds),
                series.failed
            )?;
        }
        let mut failures: Vec<_> = operations.failures.iter().collect();
        failures.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (failure, count) in failures {
            write!(f, "\n{count} times: {failure}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_counted_by_operation_and_failures_by_reason() {
        let figures = Figures::new();
        for ms in 1..=100 {
            figures.count("read", Duration::from_millis(ms), None);
        }
        figures.count("read", Duration::from_millis(1), Some("no".to_owned()));
        figures.count("send", Duration::from_secs(100_000), None);
        for number in 0..1000 {
            figures.count("send", Duration::ZERO, Some(format!("failure {number}")));
        }
        assert_eq!(figures.totals(), (101, 1001));
        let json = figures.json();
        let read = &json["operations"]["read"];
        assert_eq!((&read["count"], &read["failed"]), (&100.into(), &1.into()));
        let p50 = read["p50_ms"].as_f64().unwrap();
        let p99 = read["p99_ms"].as_f64().unwrap();
        assert!((50.0..50.1).contains(&p50) && (99.0..99.2).contains(&p99), "{read}");
        let failures = json["failures"].as_object().unwrap();
        assert_eq!((failures.len(), &failures["no"]), (MAX_FAILURES + 1, &1.into()));
        assert_eq!(failures[OTHERS], 951);
        let text = figures.to_string();
        assert!(text.contains("951 times: other failures") && text.contains("read "), "{text}");
    }
}
