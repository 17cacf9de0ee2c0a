//! Tests of the fields and cookies that only servers and trusted proxies may send.

use super::*;

#[test]
fn no_prefix_is_longer_than_the_part_of_a_name_that_is_compared() {
    let all = EXCHANGE.iter().chain(WEB).chain(FORWARDING);
    assert!(all.map(|name| name.len()).max() <= Some(LONGEST));
}

#[test]
fn each_prefix_is_found_whatever_follows_it() {
    let server = || EXCHANGE.iter().chain(WEB);
    let all = server().map(|name| (name, AllowedSender::Server));
    for (name, sender) in all.chain(FORWARDING.iter().map(|name| (name, AllowedSender::Proxy))) {
        for behind in ["", "-", "0", "a", "z", "~", "-a-name-that-is-longer-than-the-compared-part"] {
            let name = format!("{name}{behind}");
            // A prefix of a server field may begin with one of a proxy field.
            let sender =
                if server().any(|own| name.starts_with(own)) { AllowedSender::Server } else { sender };
            let plain = sender == AllowedSender::Server || !behind.contains('~');
            let sender = if plain { sender } else { AllowedSender::Server };
            assert_eq!(allowed_sender(name.as_bytes()), sender, "{name}");
            assert_eq!(allowed_sender(name.to_ascii_uppercase().as_bytes()), sender, "{name}");
            for other in ["_", ".", "+", "~"] {
                let name = name.to_ascii_uppercase().replace('-', other);
                let usual = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
                assert_eq!(
                    allowed_sender(name.as_bytes()),
                    if usual { sender } else { AllowedSender::Server },
                    "{name}"
                );
            }
        }
        // A shorter prefix, or one with another last byte, matches only if another prefix does.
        let (less, last) = name.split_at(name.len() - 1);
        for other in [less.to_owned(), format!("{less}{}", if last == "q" { 'p' } else { 'q' })] {
            let mut known = server().chain(FORWARDING);
            if !known.any(|known| other.starts_with(known)) {
                assert_eq!(allowed_sender(other.as_bytes()), AllowedSender::Client, "{other}");
            }
        }
    }
    assert_eq!(allowed_sender(b""), AllowedSender::Client);
}

#[test]
fn header_fields_of_clients_are_allowed_from_clients() {
    for name in [
        "Accept",
        "Authorization",
        "Cache-Control",
        "client-request-id",
        "Content-Type",
        "Cookie",
        "Depth",
        "If-None-Match",
        "Prefer",
        "Range",
        "SOAPAction",
        "User-Agent",
        "Via",
        "X-AnchorMailbox",
        "X-ClientApplication",
        "X-ClientCanHandle",
        "X-ClientInfo",
        "X-ClientStatistics",
        "X-FeatureVersion",
        "X-IDCRL_ACCEPTED",
        "X-MapiHttpCapability",
        "X-MS-CookieUri-Requested",
        "X-Nego-Capability",
        "X-OfficeVersion",
        "X-PreferServerAffinity",
        "X-PublicFolderMailbox",
        "X-RequestId",
        "X-RequestType",
        "X-User-Identity",
        "X-Requested-With",
        "Origin",
    ] {
        assert_eq!(allowed_sender(name.as_bytes()), AllowedSender::Client, "{name}");
    }
}

#[test]
fn header_fields_that_servers_send_to_each_other_are_not_allowed_from_clients() {
    for name in [
        "X-CommonAccessToken",
        "x-commonaccesstoken",
        "X_CommonAccessToken",
        "X-BEResource",
        "X-BEServer",
        "X-AnonResource",
        "X-AnonResource-Backend",
        "X-BackEndCookie",
        "X-CalculatedBETarget",
        "X-IsFromCafe",
        "X-IsFromBackend",
        "X-SourceCafeServer",
        "X-CafeProxyTarget",
        "X-FEServer",
        "X-FEProxyInfo",
        "X-TargetServer",
        "X-TargetBackEndServer",
        "X-ProxyTargetServer",
        "X-ProxyTargetServerVersion",
        "X-WLID-MemberName",
        "WLID-MemberName",
        "msExchProxyUri",
        "msExchLogonAccount",
        "msExchLogonMailbox",
        "msExchTargetMailbox",
        "X-Rps-CAT",
        "X-SecurityContext",
        "X-Security-Token",
        "X-EXT-ClientName",
        "X-SerializedSecurityContext",
        "X-MS-Exchange-Organization-AuthAs",
        "X-Original-URL",
        "X-OriginalRequestHost",
        "X-Rewrite-URL",
        "X_REWRITE_URL",
        "X-HTTP-Method-Override",
        "X-ARR-ClientCert",
        "X-Client-Cert",
        "Client-Cert",
        "X-Forwarded-Client-Cert",
        "X-SSL-Client-S-DN",
        "SSL_CLIENT_CERT",
        "Remote-User",
        "REMOTE_USER",
        "X-Remote-User",
        "X-MS-CLIENT-PRINCIPAL-NAME",
        "Proxy",
        "Proxy-Authorization",
        "X-OWA-ProxyUri",
        "X-Common-AccessToken",
        "X-User",
        "X-Username",
        "X_USER_IDENTITY",
        "X-LogonUser",
        "Logon-User",
        "Auth-User",
        "SM_USER",
        "OAM_REMOTE_USER",
        "X-Forwarded-User",
        "X-Forwarded-Preferred-Username",
        "iv-user",
        "OIDC_CLAIM_sub",
    ] {
        assert_eq!(allowed_sender(name.as_bytes()), AllowedSender::Server, "{name}");
    }
    for name in [
        "X-Forwarded-For",
        "x-forwarded-proto",
        "X-Forwarded-Host",
        "X-Forwarded",
        "Forwarded",
        "Forwarded-For",
        "X-Real-IP",
        "X-Client-IP",
        "Client-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "X-Cluster-Client-IP",
        "Front-End-Https",
        "X-MS-Forwarded-Client-IP",
    ] {
        assert_eq!(allowed_sender(name.as_bytes()), AllowedSender::Proxy, "{name}");
    }
}

#[test]
fn cookies_that_route_requests_at_a_front_end_are_removed() {
    let text = |action: FieldAction| match action {
        FieldAction::Keep => "unchanged".to_owned(),
        FieldAction::Remove => String::new(),
        FieldAction::Replace(value) => String::from_utf8(value.to_vec()).unwrap(),
    };
    let request = |cookies: Cookies, value: &str| text(cookies.in_request(value.as_bytes()));
    assert_eq!(request(Cookies::OfClient, "a=b; c=d"), "unchanged");
    assert_eq!(request(Cookies::OfClient, "a=b; x-BEResource=x~1; c=d"), "a=b; c=d");
    assert_eq!(request(Cookies::OfClient, "X-BEResource=localhost~1942062522"), "");
    assert_eq!(request(Cookies::OfClient, " X-AnonResource=true;X-AnonResource-Backend=x/y?~3 ;a=b"), "a=b");
    assert_eq!(request(Cookies::OfClient, "Email=autodiscover/autodiscover.json; cadataKey=x; a"), "a");
    assert_eq!(request(Cookies::OfClient, "X-BackEndCookie=S-1-5=x; a=b"), "a=b");
    assert_eq!(request(Cookies::OfSession, "MapiContext=x; X-BackEndCookie=y"), "unchanged");
    assert_eq!(request(Cookies::OfSession, "MapiContext=x; X-BEResource=y"), "MapiContext=x");
    assert_eq!(request(Cookies::None, "a=b"), "");
    for blank in ["\t", "\u{a0}", "\u{85}", "\u{3000}", "\u{feff}", "\u{b}"] {
        for value in [format!("a=b;{blank}X-BEResource=x"), format!("a=b;X-BEResource{blank}=x")] {
            assert_eq!(request(Cookies::OfClient, &value), "a=b", "{value:?}");
        }
    }
    let latin1 = Cookies::OfClient.in_request(b"a=b; \xa0cadata=x");
    assert_eq!(text(latin1), "a=b");
    assert_eq!(request(Cookies::OfSession, "a=b, X-BEResource=y; c=d"), "c=d");
    assert_eq!(request(Cookies::OfClient, "a=Mon, 12 Jan; \u{e9}=b"), "unchanged");
    let response = |cookies: Cookies, value: &str| text(cookies.in_response(value.as_bytes()));
    assert_eq!(response(Cookies::OfClient, "a=b; path=/ews"), "unchanged");
    assert_eq!(response(Cookies::OfClient, "X-BackEndCookie=b; path=/ews"), "");
    assert_eq!(response(Cookies::OfSession, "X-BackEndCookie=b; path=/mapi"), "unchanged");
    assert_eq!(response(Cookies::OfSession, "cadata=b; path=/mapi"), "");
    assert_eq!(response(Cookies::OfSession, "x-beresource=b; path=/mapi"), "");
    assert_eq!(response(Cookies::OfSession, "\u{a0}x-beresource=b; path=/mapi"), "");
    assert_eq!(response(Cookies::None, "a=b; path=/ews"), "");
}

#[test]
fn a_control_field_in_another_spelling_is_removed() {
    for name in super::CONTROL {
        assert_eq!(allowed_sender(name.as_bytes()), AllowedSender::Client, "{name}");
        for other in ["_", ".", "+", "~"] {
            let spelled = name.to_ascii_uppercase().replace('-', other);
            assert_eq!(allowed_sender(spelled.as_bytes()), AllowedSender::Server, "{spelled}");
        }
    }
    for name in ["X_RequestTypes", "X_Request", "X-Request_Type", "x_custom", "SOAP_Action"] {
        assert_eq!(allowed_sender(name.as_bytes()), AllowedSender::Client, "{name}");
    }
    assert!(super::CONTROL.iter().all(|name| name.len() <= LONGEST));
}

#[test]
fn no_list_forbids_a_usual_field_to_clients() {
    let usual = "date,server,x-responsecode,x-pendingperiod,x-expirationinfo,x-serverapplication,accept,user-agent,x-requestid,content-type,x-clientinfo,x-requesttype,content-length,x-clientapplication";
    for name in usual.split(',') {
        assert!(super::is_usual(name.to_ascii_uppercase().as_bytes()), "{name}");
        assert_eq!(super::looked_up(name.as_bytes()), AllowedSender::Client, "{name}");
    }
}
