//! Cookies, which identify a session and the sequence of its requests ([MS-OXCMAPIHTTP] 2.2.3.2.3, 2.2.3.2.4, 3.1.5.1).
//! Servers choose the names of their cookies; clients return all of them.

/// A cookie of a `Cookie` header, or the first part of a `Set-Cookie` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cookie<'a> {
    /// The name of the cookie.
    pub name: &'a str,
    /// The value with its quotes, if any. A missing value is equal to an empty one.
    pub value: &'a str,
}

impl<'a> Cookie<'a> {
    fn of_pair(pair: &'a str) -> Self {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Self { name: trim(name), value: trim(value) }
    }
}

fn trim(text: &str) -> &str {
    text.trim_ascii()
}

/// The cookies in the value of a `Cookie` header, in order. A name may occur more than once.
pub fn cookies(header: &str) -> impl Iterator<Item = Cookie<'_>> {
    header.split(';').map(trim).filter(|pair| !pair.is_empty()).map(Cookie::of_pair)
}

/// The value of the first cookie with this name. Names are case-sensitive.
pub fn cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    cookies(header).find(|cookie| cookie.name == name).map(|cookie| cookie.value)
}

/// The value of a `Set-Cookie` header: a cookie and its attributes (RFC 6265, section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SetCookie<'a> {
    /// The name and value of the cookie.
    pub cookie: Cookie<'a>,
    /// The text after the first semicolon.
    pub attributes: &'a str,
}

impl<'a> SetCookie<'a> {
    /// Parses the value of a header.
    pub fn parse(header: &'a str) -> Self {
        let (pair, attributes) = header.split_once(';').unwrap_or((header, ""));
        Self { cookie: Cookie::of_pair(trim(pair)), attributes }
    }

    /// The value of the attribute with this name, in any letter case; empty if the attribute has no value.
    pub fn attribute(&self, name: &str) -> Option<&'a str> {
        let found = cookies(self.attributes).find(|attribute| attribute.name.eq_ignore_ascii_case(name))?;
        Some(found.value)
    }

    /// Whether the cookie is to be deleted, as far as this can be determined without a clock: its `Max-Age` is not
    /// positive, or it has no value.
    pub fn is_removal(&self) -> bool {
        self.cookie.value.is_empty() || self.attribute("Max-Age").is_some_and(is_not_positive)
    }
}

/// Whether a `Max-Age` is not positive: digits with or without a minus sign (RFC 6265 5.2.2), of any length.
fn is_not_positive(age: &str) -> bool {
    let digits = age.strip_prefix('-').unwrap_or(age);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number && (digits.len() < age.len() || digits.bytes().all(|byte| byte == b'0'))
}

/// The cookies of a session as a client stores them: for each name, the value that the server set last.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct CookieJar {
    cookies: Vec<(String, String)>,
}

impl CookieJar {
    /// The maximum number of cookies in a jar; further ones are ignored.
    pub const MAX_COOKIES: usize = 64;

    /// Stores or deletes the cookie in the value of a `Set-Cookie` header.
    pub fn set(&mut self, header: &str) {
        let set = SetCookie::parse(header);
        let Cookie { name, value } = set.cookie;
        let known = self.cookies.iter().position(|(known, _)| known == name);
        match (known, set.is_removal()) {
            (Some(index), true) => drop(self.cookies.remove(index)),
            (Some(index), false) => {
                if let Some(cookie) = self.cookies.get_mut(index) {
                    value.clone_into(&mut cookie.1);
                }
            }
            (None, false) if !name.is_empty() && self.cookies.len() < Self::MAX_COOKIES => {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
            (None, _) => {}
        }
    }

    /// The value of the cookie with this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The size of all names and values, in bytes.
    pub fn size(&self) -> usize {
        self.cookies.iter().map(|(name, value)| name.len().saturating_add(value.len())).sum()
    }

    /// The value of the `Cookie` header to send; `None` if there are no cookies.
    pub fn header(&self) -> Option<String> {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

/// A cookie gives access to its session: values are not printed.
impl std::fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.cookies.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_read_in_order() {
        let header = " sid=a=b; sequence=\"x y\";;bare; sid=c";
        let read: Vec<_> = cookies(header).map(|cookie| (cookie.name, cookie.value)).collect();
        assert_eq!(read, [("sid", "a=b"), ("sequence", "\"x y\""), ("bare", ""), ("sid", "c")]);
        assert_eq!((cookie(header, "sid"), cookie(header, "SID")), (Some("a=b"), None));
    }

    #[test]
    fn attributes_are_read() {
        let set = SetCookie::parse("sid=abc; Path=/mapi; secure; Max-Age=0");
        assert_eq!(set.cookie, Cookie { name: "sid", value: "abc" });
        assert_eq!((set.attribute("path"), set.attribute("Secure")), (Some("/mapi"), Some("")));
        assert!(set.is_removal());
        assert!(!SetCookie::parse("sid=abc").is_removal());
        for (age, is_removal) in [
            ("-1", true),
            ("00", true),
            ("-99999999999999999999", true),
            ("99999999999999999999", false),
            ("1", false),
            ("+0", false),
            ("-", false),
            ("", false),
        ] {
            assert_eq!(
                SetCookie::parse(&format!("sid=abc; Max-Age={age}")).is_removal(),
                is_removal,
                "{age}"
            );
        }
    }

    #[test]
    fn a_jar_keeps_what_was_set_last() {
        let mut jar = CookieJar::default();
        assert_eq!(jar.header(), None);
        for set in ["sid=1", "sequence=a", "sid=2; path=/", "gone=x", "gone=; Max-Age=0"] {
            jar.set(set);
        }
        assert_eq!(jar.header().unwrap(), "sid=2; sequence=a");
        assert_eq!(jar.get("sid"), Some("2"));
        assert_eq!(format!("{jar:?}"), r#"["sid", "sequence"]"#);
        for number in 0..1000 {
            jar.set(&format!("c{number}=1"));
        }
        assert_eq!(jar.header().unwrap().split("; ").count(), CookieJar::MAX_COOKIES);
    }
}
