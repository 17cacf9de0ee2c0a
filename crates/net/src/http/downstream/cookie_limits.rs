//! Limits the cookies of a request, before each of them is looked up.

use http1::Fields;

/// The most cookies of a request. A session of Exchange has about ten, with those of load balancers.
const MAX_COOKIES: usize = 100;

/// The most bytes of a request's `Cookie` fields together. Clients need not keep cookies of more than 4096 bytes
/// (RFC 6265 6.1).
const MAX_BYTES: usize = 32 * 1024;

/// The limit that the cookies of a request exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CookieLimit {
    #[error("the request has more than {MAX_COOKIES} cookies")]
    Count,
    #[error("the request has more than {MAX_BYTES} bytes of cookies")]
    Bytes,
}

/// Checks the `Cookie` fields among `fields`.
pub(crate) fn check_cookies(fields: &Fields) -> Result<(), CookieLimit> {
    let (mut count, mut bytes) = (0, 0);
    for value in fields.all("cookie") {
        bytes += value.len();
        count += 1 + memchr::memchr_iter(b';', value).count();
    }
    match (count, bytes) {
        (_, bytes) if bytes > MAX_BYTES => Err(CookieLimit::Bytes),
        (count, _) if count > MAX_COOKIES => Err(CookieLimit::Count),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_up_to_each_limit_are_accepted() {
        let fields = |values: &[&[u8]]| {
            let mut fields = Fields::default();
            for value in values {
                assert!(fields.push("Cookie", value.to_vec()));
            }
            fields
        };
        let half = [b'x'; MAX_BYTES / 2];
        assert_eq!(check_cookies(&fields(&[&half, &half])), Ok(()));
        assert_eq!(check_cookies(&fields(&[&half, &half, b"x"])), Err(CookieLimit::Bytes));
        let many = vec![b';'; MAX_COOKIES - 1];
        assert_eq!(check_cookies(&fields(&[&many])), Ok(()));
        assert_eq!(check_cookies(&fields(&[&many, b"x"])), Err(CookieLimit::Count));
    }
}
