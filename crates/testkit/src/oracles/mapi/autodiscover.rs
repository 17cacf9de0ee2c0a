//! Oracle: Autodiscover requests and responses.

use std::borrow::Cow;

use mapi::autodiscover::{
    Error, MAX_DEPTH, NameUse, Naming, PoxRequest, PoxResponse, ProxyName, Request, Rewritten, SoapRequest,
    UrlParts, rewrite_json, rewrite_pox, rewrite_soap,
};

use crate::input::Input;

/// Replaces no name.
struct NoReplacement;

impl Naming for NoReplacement {
    fn origin(&mut self, _: NameUse, url: &UrlParts<'_>) -> Option<String> {
        assert!(url.authority.contains(url.host));
        None
    }

    fn host(&mut self, _: NameUse, _: &str) -> Option<String> {
        None
    }

    fn server(&mut self, _: &str) -> Option<String> {
        None
    }
}

type Rewrite = for<'a> fn(&'a [u8], &mut dyn Naming) -> Result<Rewritten<'a>, Error>;

/// Autodiscover: responses of each dialect, and requests.
///
/// The first byte selects which. If no name is replaced, the document does not change; otherwise the new one can
/// be parsed, and contains no name that would be replaced.
///
/// # Panics
/// If one of these properties is violated.
pub fn autodiscover(data: &[u8]) {
    let mut input = Input::new(data);
    let (kind, body) = (input.byte() % 4, input.rest());
    match kind {
        0 => check_response(rewrite_pox, body),
        1 => check_response(rewrite_soap, body),
        2 => check_response(rewrite_json, body),
        _ => {
            let _ = (PoxRequest::parse(body), PoxResponse::parse(body), SoapRequest::parse(body));
            let target = format!("/autodiscover/autodiscover.json{}", String::from_utf8_lossy(body));
            if let Some(Ok(request)) = Request::parse(&target, body) {
                assert!(request.subjects().iter().all(|subject| !subject.is_empty()));
            }
        }
    }
}

fn check_response(rewrite: Rewrite, body: &[u8]) {
    match rewrite(body, &mut NoReplacement) {
        Ok(same) => {
            assert!(same.replaced.is_empty() && matches!(same.bytes, Cow::Borrowed(bytes) if bytes == body));
        }
        Err(Error::Malformed { offset, .. }) => assert!(offset <= body.len()),
        Err(Error::TooDeep) => assert!(body.len() >= MAX_DEPTH),
        Err(_) => {}
    }
    let mut ours = ProxyName {
        origin: "https://proxy.test:8443".to_owned(),
        host: "proxy.test".to_owned(),
        label: Some("PROXY".to_owned()),
        upstream: Vec::new(),
    };
    if let Ok(once) = rewrite(body, &mut ours) {
        assert!(once.replaced.iter().all(|replaced| replaced.before != replaced.after));
        let twice = rewrite(&once.bytes, &mut ours).expect("it can still be read");
        assert_eq!(twice.replaced, [], "nothing is left to be replaced");
    }
}
