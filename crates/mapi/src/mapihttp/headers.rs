//! The headers of requests and responses ([MS-OXCMAPIHTTP] 2.2.3): their names, and parsers of their values.

use std::fmt;

use wire::Guid;

/// The type of a request ([MS-OXCMAPIHTTP] 2.2.3.3.1): a [`RequestType`](super::RequestType).
pub const X_REQUEST_TYPE: &str = "X-RequestType";
/// The identifier of a request ([MS-OXCMAPIHTTP] 2.2.3.3.2): a [`GuidCounter`], which the response repeats.
pub const X_REQUEST_ID: &str = "X-RequestId";
/// The result of a request ([MS-OXCMAPIHTTP] 2.2.3.3.3): a [`ResponseCode`].
pub const X_RESPONSE_CODE: &str = "X-ResponseCode";
/// The identifier of a client ([MS-OXCMAPIHTTP] 2.2.3.3.4): a [`GuidCounter`], which the response repeats.
pub const X_CLIENT_INFO: &str = "X-ClientInfo";
/// The interval of keep-alive messages while the server processes a request, in milliseconds ([MS-OXCMAPIHTTP]
/// 2.2.3.3.5).
pub const X_PENDING_PERIOD: &str = "X-PendingPeriod";
/// The client's program and version, as an [`Application`] ([MS-OXCMAPIHTTP] 2.2.3.3.6).
pub const X_CLIENT_APPLICATION: &str = "X-ClientApplication";
/// The time that the server took, in milliseconds ([MS-OXCMAPIHTTP] 2.2.3.3.9); one of the headers in the response
/// body.
pub const X_ELAPSED_TIME: &str = "X-ElapsedTime";
/// The user whose mailbox is accessed, for load balancers that select a server.
pub const X_USER_IDENTITY: &str = "X-User-Identity";

/// The content type of requests and of successful responses ([MS-OXCMAPIHTTP] 2.2.3.2.2).
pub const CONTENT_TYPE: &str = "application/mapi-http";
/// The content type of error pages for people ([MS-OXCMAPIHTTP] 2.2.3.2.2).
pub const ERROR_CONTENT_TYPE: &str = "text/html";

/// Whether a `Content-Type` is that of MAPI over HTTP, in any letter case and with any parameters.
pub fn is_mapi_http(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case(CONTENT_TYPE)
}

wire::wire_enum! {
    /// `X-ResponseCode`: the result of a request ([MS-OXCMAPIHTTP] 2.2.3.3.3). Zero means that the body is the response
    /// to the operation, which may have failed.
    pub struct ResponseCode(u32) {
        /// The request was processed.
        Success = 0,
        /// The request failed for an unspecified reason.
        UnknownFailure = 1,
        /// The method of the request is not valid.
        InvalidVerb = 2,
        /// The path of the request is not valid.
        InvalidPath = 3,
        /// A header is not valid.
        InvalidHeader = 4,
        /// The request type is not valid.
        InvalidRequestType = 5,
        /// The session cookie is not valid.
        InvalidContextCookie = 6,
        /// A header is missing.
        MissingHeader = 7,
        /// The client must authenticate.
        AnonymousNotAllowed = 8,
        /// The request is too large.
        TooLarge = 9,
        /// The session does not exist.
        ContextNotFound = 10,
        /// The session belongs to another user.
        NoPrivilege = 11,
        /// The body of the request is not valid.
        InvalidRequestBody = 12,
        /// A cookie is missing.
        MissingCookie = 13,
        /// Reserved.
        Reserved = 14,
        /// Another request of the session is in progress.
        InvalidSequence = 15,
        /// The endpoint is disabled.
        EndpointDisabled = 16,
        /// The response is not valid.
        InvalidResponse = 17,
        /// The endpoint is shutting down.
        EndpointShuttingDown = 18,
    }
}

impl ResponseCode {
    /// Parses the value of a header; returns `None` if it is not a decimal number.
    pub fn parse(value: &str) -> Option<Self> {
        parse_number(value).map(Self)
    }

    /// The body of an error response with this code: a page for people ([MS-OXCMAPIHTTP] 2.2.3.2.2).
    pub fn page(self) -> String {
        format!(
            "<html><head><title>MAPI over HTTP</title></head><body><p>X-ResponseCode {}</p></body></html>\r\n",
            self.0
        )
    }
}

/// Parses a number in decimal digits, such as a period in milliseconds; returns `None` for other texts.
pub fn parse_number(value: &str) -> Option<u32> {
    let value = value.trim();
    value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse().ok()).flatten()
}

/// A GUID followed by a counter, such as `{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:123`. Some clients omit the braces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GuidCounter {
    /// The GUID, which is the same for all requests of a client's context.
    pub guid: Guid,
    /// The counter, which increases with each request.
    pub counter: u64,
}

impl GuidCounter {
    /// Parses the value of a header; returns `None` if it does not have this form.
    pub fn parse(value: &str) -> Option<Self> {
        let (guid, counter) = value.trim().rsplit_once(':')?;
        let guid = guid.strip_prefix('{').and_then(|guid| guid.strip_suffix('}')).unwrap_or(guid);
        let digits = !counter.is_empty() && counter.bytes().all(|byte| byte.is_ascii_digit());
        Some(Self { guid: guid.parse().ok()?, counter: digits.then(|| counter.parse().ok()).flatten()? })
    }
}

impl fmt::Display for GuidCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}:{}", self.guid.to_string().to_ascii_uppercase(), self.counter)
    }
}

/// A program and its version, such as `Outlook/16.0.17328.20162` or `Exchange/15.00.0847.4040`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Application<'a> {
    /// The name of the program.
    pub name: &'a str,
    /// The version: product major, product minor, build major, build minor. Missing numbers are zero.
    pub version: [u16; 4],
}

impl<'a> Application<'a> {
    /// Parses the value of a header; returns `None` if it does not have this form.
    pub fn parse(value: &'a str) -> Option<Self> {
        let (name, numbers) = value.trim().split_once('/')?;
        let mut version = [0; 4];
        let mut numbers = numbers.split('.');
        for (slot, number) in version.iter_mut().zip(numbers.by_ref()) {
            let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            *slot = digits.then(|| number.parse().ok()).flatten()?;
        }
        (numbers.next().is_none() && !name.is_empty()).then_some(Self { name, version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_numbers_of_the_specification() {
        assert_eq!(ResponseCode::parse(" 15"), Some(ResponseCode::InvalidSequence));
        assert_eq!(ResponseCode::parse("99").map(|code| code.to_string()), Some("0x63".to_owned()));
        for bad in ["", "-1", "+1", "0x1", "4294967296"] {
            assert_eq!(ResponseCode::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn identifiers_are_parsed_with_and_without_braces() {
        let with = GuidCounter::parse("{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:123").unwrap();
        assert_eq!(GuidCounter::parse("2ef33c39-49c8-421c-b876-cdf7f2ac3aa0:123"), Some(with));
        assert_eq!(with.to_string(), "{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:123");
        for bad in
            ["", ":1", "2ef33c39-49c8-421c-b876-cdf7f2ac3aa0", "2ef33c39-49c8-421c-b876-cdf7f2ac3aa0:+1"]
        {
            assert_eq!(GuidCounter::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn versions_are_parsed() {
        let outlook = Application::parse("Outlook/16.0.17328.20162").unwrap();
        assert_eq!((outlook.name, outlook.version), ("Outlook", [16, 0, 17328, 20162]));
        assert_eq!(Application::parse("Exchange/15.00.0847").unwrap().version, [15, 0, 847, 0]);
        for bad in ["", "Outlook", "/1.2", "Outlook/1.2.3.4.5", "Outlook/1..2", "Outlook/99999"] {
            assert_eq!(Application::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn content_types_are_recognized_with_parameters() {
        assert!(is_mapi_http("Application/MAPI-HTTP; charset=utf-8"));
        assert!(!is_mapi_http("text/html"));
    }
}
