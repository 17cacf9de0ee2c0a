//! Single requests of the proxy's own, to check a configuration and to probe the service account.

use http1::{RequestHead, ResponseHead};
use identity::SecurityContext;
use tokio::time::timeout;
use wire::FileTime;

use crate::clock;
use crate::http::pass_through::challenges;
use crate::http::ping::add_ping;
use crate::http::server_only::Cookies;
use crate::http::upstream::config::HttpUpstream;
use crate::http::upstream::connection::UpstreamConnection;
use crate::http::upstream::dial::NotOpened;
use crate::http::upstream::request_head::{BodyFraming, Rewrite};
use crate::upstream_error::UpstreamError;

/// The response of a server to a request without credentials.
#[derive(Debug, Clone)]
pub struct Anonymous {
    /// The status of the response.
    pub status: u16,
    /// The authentication schemes that the server offers.
    pub offered: Vec<String>,
    /// The seconds by which the server's clock is ahead of the proxy's, according to the `Date` of the response.
    pub clock_ahead: Option<i64>,
}

/// Sends a request for `target` without credentials, on a separate connection.
///
/// # Errors
/// If the server cannot be reached, or its response is invalid.
pub async fn probe_anonymously(upstream: &HttpUpstream, target: &str) -> Result<Anonymous, NotOpened> {
    let mut connection = UpstreamConnection::connect_once(upstream).await?;
    let mut head = ping(target)?;
    head.fields.push("Host", upstream.host_header());
    let (response, _) = connection.probe(&head).await?;
    let offered = challenges::schemes(&response.fields).into_iter().map(str::to_owned).collect();
    let clock_ahead = response.fields.text("date").and_then(|date| ahead(date.trim(), clock::now().wall));
    Ok(Anonymous { status: response.status(), offered, clock_ahead })
}

/// Authenticates and sends a request for `target`, on a separate connection, in a single attempt. Returns the status
/// of the response.
///
/// # Errors
/// If the server cannot be reached, or rejects the credentials.
pub async fn authenticate_once(
    upstream: &HttpUpstream,
    context: &SecurityContext,
    target: &str,
) -> Result<u16, NotOpened> {
    let mut connection = UpstreamConnection::open_once(upstream, context, target).await?;
    let mut head = ping(target)?;
    connection.rewrite_request(
        &mut head,
        &Rewrite { body: BodyFraming::Length(0), cookies: Cookies::None, forwarding: None },
    );
    connection.begin_request(&head, false);
    let answered = timeout(upstream.timeout, response(&mut connection)).await;
    let response = answered.map_err(|_| NotOpened::Timeout(upstream.timeout))??;
    if response.status() == 401 {
        Err(connection.auth_error(&response.fields).into())
    } else {
        Ok(response.status())
    }
}

async fn response(connection: &mut UpstreamConnection) -> Result<Box<ResponseHead>, UpstreamError> {
    connection.transport.flush().await.map_err(UpstreamError::closed)?;
    Ok(connection.final_head().await?.0)
}

/// A PING for `target`, without `Host`.
fn ping(target: &str) -> Result<RequestHead, NotOpened> {
    let mut head = RequestHead::new("POST", target).ok_or(NotOpened::Target)?;
    add_ping(&mut head.fields, None);
    Ok(head)
}

/// By how many seconds a `date` as HTTP writes it (RFC 9110 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`) is later than
/// `now`; `None` if it is invalid.
fn ahead(date: &str, now: FileTime) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    /// From 1601-01-01, where [`FileTime`] begins, to 1970-01-01.
    const TO_1970: i64 = 11_644_473_600;
    let (_, rest) = date.split_once(", ")?;
    let mut words = rest.split(' ');
    let number = |text: &str| text.parse::<u16>().ok().filter(|_| !text.starts_with('+')).map(i64::from);
    let day = number(words.next()?).filter(|day| (1..=31).contains(day))?;
    let name = words.next()?;
    let month = i64::try_from(MONTHS.iter().position(|month| *month == name)?).ok()? + 1;
    let year = number(words.next()?).filter(|year| (1970..=9999).contains(year))?;
    let mut clock = words.next()?.split(':').map(|part| number(part).filter(|part| *part <= 60));
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    // Days since 1970-01-01, with years that begin in March, so that the day of a leap year is the last.
    let (shifted, since_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + (153 * since_march + 2) / 5 + day
            - 719_469;
    let then = ((days * 24 + hour) * 60 + minute) * 60 + second;
    let now = i64::try_from(now.0 / 10_000_000).ok()? - TO_1970;
    Some(then - now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_compared() {
        let at = |seconds: u64| FileTime((11_644_473_600 + seconds) * 10_000_000);
        assert_eq!(ahead("Sun, 06 Nov 1994 08:49:37 GMT", at(784_111_777)), Some(0));
        assert_eq!(ahead("Sun, 06 Nov 1994 08:59:37 GMT", at(784_111_777)), Some(600));
        assert_eq!(ahead("Thu, 29 Feb 2024 23:59:59 GMT", at(1_709_251_200)), Some(-1));
        assert_eq!(ahead("Thu, 01 Jan 1970 00:00:00 GMT", at(0)), Some(0));
        for bad in [
            "",
            "Sun, 06 Nov",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "1994-11-06",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 +8:49:37 GMT",
        ] {
            assert_eq!(ahead(bad, at(0)), None, "{bad}");
        }
    }
}
