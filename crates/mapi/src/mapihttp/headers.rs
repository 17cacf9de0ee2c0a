//! The headers of requests and responses ([MS-OXCMAPIHTTP] 2.2.3): their names, and what their values say.
//! The HTTP framing keeps the headers; nothing here changes one that it only reads.

use std::fmt;

use wire::Guid;

/// The type of a request ([MS-OXCMAPIHTTP] 2.2.3.3.1); see [`RequestType`](super::RequestType).
pub const X_REQUEST_TYPE: &str = "X-RequestType";
/// Which request it is ([MS-OXCMAPIHTTP] 2.2.3.3.2): a [`Counted`], which the answer repeats.
pub const X_REQUEST_ID: &str = "X-RequestId";
/// What became of a request ([MS-OXCMAPIHTTP] 2.2.3.3.3): a [`ResponseCode`].
pub const X_RESPONSE_CODE: &str = "X-ResponseCode";
/// Which client it is ([MS-OXCMAPIHTTP] 2.2.3.3.4): a [`Counted`], which the answer repeats.
pub const X_CLIENT_INFO: &str = "X-ClientInfo";
/// How often the server says that it is still processing, in milliseconds ([MS-OXCMAPIHTTP] 2.2.3.3.5).
pub const X_PENDING_PERIOD: &str = "X-PendingPeriod";
/// The client's version, as an [`Application`] ([MS-OXCMAPIHTTP] 2.2.3.3.6).
pub const X_CLIENT_APPLICATION: &str = "X-ClientApplication";
/// How long the server took, in milliseconds ([MS-OXCMAPIHTTP] 2.2.3.3.9); an additional header.
pub const X_ELAPSED_TIME: &str = "X-ElapsedTime";
/// The identity of the user whom a client means, for those who choose a server.
pub const X_USER_IDENTITY: &str = "X-User-Identity";

/// The content type of requests, and of responses that went well ([MS-OXCMAPIHTTP] 2.2.3.2.2).
pub const CONTENT_TYPE: &str = "application/mapi-http";
/// The content type of responses that tell people what went wrong ([MS-OXCMAPIHTTP] 2.2.3.2.2).
pub const ERROR_CONTENT_TYPE: &str = "text/html";

/// Whether a `Content-Type` is that of MAPI over HTTP, in whatever case and with whatever parameters.
pub fn is_mapi_http(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case(CONTENT_TYPE)
}

wire::wire_enum! {
    /// What became of a request ([MS-OXCMAPIHTTP] 2.2.3.3.3). Zero does not say that the operation succeeded,
    /// but that the body is an answer to it.
    pub struct ResponseCode(u32) {
        /// It was accepted.
        Success = 0,
        /// It failed for a reason that has no code.
        UnknownFailure = 1,
        /// Its method is not valid.
        InvalidVerb = 2,
        /// Its path is not valid.
        InvalidPath = 3,
        /// A header is not valid.
        InvalidHeader = 4,
        /// Its request type is not valid.
        InvalidRequestType = 5,
        /// The session cookie is not valid.
        InvalidContextCookie = 6,
        /// A header is missing.
        MissingHeader = 7,
        /// The client has to authenticate.
        AnonymousNotAllowed = 8,
        /// It is too large.
        TooLarge = 9,
        /// There is no such session.
        ContextNotFound = 10,
        /// The session belongs to somebody else.
        NoPrivilege = 11,
        /// Its body is not valid.
        InvalidRequestBody = 12,
        /// A cookie is missing.
        MissingCookie = 13,
        /// To be ignored.
        Reserved = 14,
        /// Another request of the session is still under way.
        InvalidSequence = 15,
        /// The endpoint is switched off.
        EndpointDisabled = 16,
        /// The response is not valid.
        InvalidResponse = 17,
        /// The endpoint is about to stop.
        EndpointShuttingDown = 18,
    }
}

impl ResponseCode {
    /// The code that a header's value is.
    pub fn parse(value: &str) -> Option<Self> {
        parse_number(value).map(Self)
    }

    /// The body of a response with this code, which is for people ([MS-OXCMAPIHTTP] 2.2.3.2.2).
    pub fn page(self) -> String {
        format!(
            "<html><head><title>MAPI over HTTP</title></head><body><p>X-ResponseCode {}</p></body></html>\r\n",
            self.0
        )
    }
}

/// A number in decimal digits, such as a period in milliseconds; none for anything else.
pub fn parse_number(value: &str) -> Option<u32> {
    let value = value.trim();
    value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse().ok()).flatten()
}

/// A GUID with a counter behind it, as `{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:123`; clients leave the braces
/// out as they please.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Counted {
    /// What stays the same.
    pub guid: Guid,
    /// What rises.
    pub counter: u64,
}

impl Counted {
    /// The value of such a header; none for anything else.
    pub fn parse(value: &str) -> Option<Self> {
        let (guid, counter) = value.trim().rsplit_once(':')?;
        let guid = guid.strip_prefix('{').and_then(|guid| guid.strip_suffix('}')).unwrap_or(guid);
        let digits = !counter.is_empty() && counter.bytes().all(|byte| byte.is_ascii_digit());
        Some(Self { guid: guid.parse().ok()?, counter: digits.then(|| counter.parse().ok()).flatten()? })
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}:{}", self.guid.to_string().to_ascii_uppercase(), self.counter)
    }
}

/// A program and its version, as `Outlook/16.0.17328.20162` and `Exchange/15.00.0847.4040`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Application<'a> {
    /// The program.
    pub name: &'a str,
    /// Its version: product major, product minor, build major, build minor. What is missing is zero.
    pub version: [u16; 4],
}

impl<'a> Application<'a> {
    /// The value of such a header; none for anything else.
    pub fn parse(value: &'a str) -> Option<Self> {
        let (name, numbers) = value.trim().split_once('/')?;
        let mut version = [0; 4];
        let mut numbers = numbers.split('.');
        for (place, number) in version.iter_mut().zip(numbers.by_ref()) {
            let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            *place = digits.then(|| number.parse().ok()).flatten()?;
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
    fn ids_are_read_with_and_without_braces() {
        let with = Counted::parse("{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:123").unwrap();
        assert_eq!(Counted::parse("2ef33c39-49c8-421c-b876-cdf7f2ac3aa0:123"), Some(with));
        assert_eq!(with.to_string(), "{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:123");
        for bad in
            ["", ":1", "2ef33c39-49c8-421c-b876-cdf7f2ac3aa0", "2ef33c39-49c8-421c-b876-cdf7f2ac3aa0:+1"]
        {
            assert_eq!(Counted::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn versions_are_read() {
        let outlook = Application::parse("Outlook/16.0.17328.20162").unwrap();
        assert_eq!((outlook.name, outlook.version), ("Outlook", [16, 0, 17328, 20162]));
        assert_eq!(Application::parse("Exchange/15.00.0847").unwrap().version, [15, 0, 847, 0]);
        for bad in ["", "Outlook", "/1.2", "Outlook/1.2.3.4.5", "Outlook/1..2", "Outlook/99999"] {
            assert_eq!(Application::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn content_types_are_known_with_parameters() {
        assert!(is_mapi_http("Application/MAPI-HTTP; charset=utf-8"));
        assert!(!is_mapi_http("text/html"));
    }
}
