//! Autodiscover: decoding of requests, and replacement of names in responses.

use std::borrow::Cow;

use mapi::autodiscover::{
    Dialect, Error, MAX_DEPTH, MAX_ELEMENTS, MAX_SIZE, NameUse, Naming, PoxRequest, ProxyName, Request,
    ResponseSchema, Rewritten, SoapOperation, SoapRequest, UrlParts, rewrite_json, rewrite_pox, rewrite_soap,
};
use testkit::captures;

const ORIGIN: &str = "https://proxy.test:8443";

fn proxy(upstream: &[&str]) -> ProxyName {
    ProxyName {
        origin: ORIGIN.to_owned(),
        host: "proxy.test".to_owned(),
        label: Some("PROXY".to_owned()),
        upstream: upstream.iter().map(|&name| name.to_owned()).collect(),
    }
}

type Rewrite = for<'a> fn(&'a [u8], &mut ProxyName) -> Result<Rewritten<'a>, Error>;

const POX: Rewrite = |body, naming| rewrite_pox(body, naming);
const SOAP: Rewrite = |body, naming| rewrite_soap(body, naming);

fn rewritten(rewrite: Rewrite, document: &str) -> String {
    let rewritten = rewrite(document.as_bytes(), &mut proxy(&[])).unwrap();
    String::from_utf8(rewritten.bytes.into_owned()).unwrap()
}

#[test]
fn recorded_requests_name_their_subjects() {
    let mut requests = Vec::new();
    for exchange in captures::mapihttp() {
        let request = exchange.http_request();
        let target = request.start_line.split(' ').nth(1).unwrap();
        match Request::parse(target, &request.body) {
            Some(Ok(request)) => requests.push((exchange.label, request)),
            Some(Err(_)) => {
                assert!(["autod-badxml", "autod-get-auth", "autod-get-noauth"].contains(&&*exchange.label));
            }
            None => assert!(!exchange.label.starts_with("autod-"), "{}", exchange.label),
        }
    }
    let of = |label: &str| &requests.iter().find(|(known, _)| known == label).unwrap().1;
    assert_eq!(of("autod-outlook-nocap-mixedcase").subjects(), ["alice@lab.test"]);
    assert_eq!(of("autod-other-user").subjects(), ["bob@lab.test"]);
    let schema = |label| {
        let Request::Pox(PoxRequest { response_schema, .. }) = of(label) else { panic!("no XML") };
        response_schema.clone()
    };
    assert_eq!(schema("autod-outlook-mapihttp"), Some(ResponseSchema::Outlook { a: true }));
    assert_eq!(schema("autod-mobilesync"), Some(ResponseSchema::MobileSync));
    assert_eq!(schema("autod-noschema"), None);
    let Request::Json(json) = of("autod-json-v1path") else { panic!("no JSON") };
    assert_eq!(
        (json.email.as_deref(), json.protocol.as_deref()),
        (Some("alice@lab.test"), Some("AutodiscoverV1"))
    );
    assert!(requests.len() >= 20, "{}", requests.len());
}

#[test]
fn recorded_responses_change_only_in_the_names_of_the_proxy() {
    let mut changed = 0;
    for exchange in captures::mapihttp() {
        let request = exchange.http_request();
        let target = request.start_line.split(' ').nth(1).unwrap();
        let (Some(dialect), Some(response)) = (Dialect::of_target(target), exchange.http_response()) else {
            continue;
        };
        if !response.header("Content-Type").is_some_and(|kind| kind.contains("xml") || kind.contains("json"))
        {
            continue;
        }
        let before = String::from_utf8(response.body.clone()).unwrap();
        let rewritten = match dialect {
            Dialect::Json => rewrite_json(&response.body, &mut proxy(&["mail.lab.test"])),
            _ => rewrite_pox(&response.body, &mut proxy(&["mail.lab.test"])),
        };
        let rewritten = rewritten.unwrap();
        let expected =
            before.replace("https://mail.lab.test", ORIGIN).replace(">mail.lab.test<", ">proxy.test<");
        assert_eq!(std::str::from_utf8(&rewritten.bytes).unwrap(), expected, "{}", exchange.name());
        assert!(!expected.contains("mail.lab.test"));
        assert_eq!(rewritten.replaced.is_empty(), matches!(rewritten.bytes, Cow::Borrowed(_)));
        changed += usize::from(!rewritten.replaced.is_empty());
    }
    assert!(changed >= 10, "{changed}");
}

#[test]
fn every_kind_of_name_is_replaced() {
    let document = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<!-- https://old.test/ -->\
        <a:Autodiscover xmlns:a=\"https://old.test/schema\"><Response><User><DisplayName>https://old.test/</DisplayName>\
        <LegacyDN>/o=O/cn=Recipients/cn=u</LegacyDN></User><Account><AccountType>email</AccountType>\
        <Protocol><Server>old.test</Server><Type> exch </Type>\
        <ServerDN>/o=O/ou=G/cn=Configuration/CN=SERVERS/cn=EX1</ServerDN>\
        <MdbDN>/o=O/cn=Configuration/cn=Servers/cn=EX1/cn=Microsoft Private MDB</MdbDN>\
        <AD>dc.old.test</AD><Port>0</Port><ASUrl>\r\n https://old.test/EWS?a=1&amp;b=2 \r\n</ASUrl></Protocol>\
        <Protocol><Type>EXPR</Type><Server>old.test:443</Server>\
        <CertPrincipalName>MSSTD:mail.old.test</CertPrincipalName>\
        <OABUrl><![CDATA[http://old.test/OAB/]]></OABUrl><SSL>On</SSL></Protocol>\
        <Protocol Type='MAPIHTTP'><MailStore><ExternalUrl>HTTPS://OLD.test/m&#x2F;x</ExternalUrl></MailStore></Protocol>\
        <Protocol><Type>WEB</Type><Internal><OWAUrl AuthenticationMethod=\"Basic\">https://old.test/owa/</OWAUrl>\
        <Protocol><Type>EXCH</Type><ASUrl>https://old.test/e</ASUrl></Protocol></Internal></Protocol>\
        <Protocol><Type>POP3</Type><Server>pop.old.test</Server></Protocol>\
        <AlternativeMailbox><Type>Delegate</Type><Server>guid@old.test</Server></AlternativeMailbox>\
        <AlternativeMailbox><Server>old.test</Server></AlternativeMailbox>\
        <Empty/><Server></Server></Account></Response></a:Autodiscover>";
    let expected = document
        .replace("<Server>old.test<", "<Server>proxy.test<")
        .replace("=EX1", "=PROXY")
        .replace("<AD>dc.old.test", "<AD>proxy.test")
        .replace("https://old.test/EWS?a=1&amp;b=2", "https://proxy.test:8443/EWS?a=1&amp;b=2")
        .replace("old.test:443", "proxy.test:443")
        .replace("MSSTD:mail.old.test", "MSSTD:proxy.test")
        .replace("<![CDATA[http://old.test/OAB/]]>", "https://proxy.test:8443/OAB/")
        .replace("HTTPS://OLD.test/m&#x2F;x", "https://proxy.test:8443/m/x")
        .replace("https://old.test/owa/", "https://proxy.test:8443/owa/")
        .replace("https://old.test/e<", "https://proxy.test:8443/e<");
    assert_eq!(rewritten(POX, document), expected);
    assert_eq!(rewritten(POX, &expected), expected, "once is enough");
}

#[test]
fn hosts_for_http_connections_are_those_of_the_proxys_urls() {
    let mut naming = ProxyName { origin: "https://mail.proxy.test:8443".to_owned(), ..proxy(&[]) };
    let document = "<A><Protocol><Type>EXCH</Type><Server>old.test</Server></Protocol>\
        <Protocol><Type>EXPR</Type><Server>old.test:443</Server>\
        <CertPrincipalName>msstd:old.test</CertPrincipalName></Protocol>\
        <Protocol><Type>EXHTTP</Type><Server>proxy.test</Server></Protocol>\
        <Protocol><Type>POP3</Type><Server>old.test</Server></Protocol></A>";
    let rewritten = rewrite_pox(document.as_bytes(), &mut naming).unwrap();
    let after: Vec<&str> = rewritten.replaced.iter().map(|replaced| replaced.after.as_str()).collect();
    assert_eq!(after, ["proxy.test", "mail.proxy.test:443", "msstd:mail.proxy.test", "mail.proxy.test"]);
    let setting =
        |name: &str| format!("<UserSetting><Name>{name}</Name><Value>old.test</Value></UserSetting>");
    for (name, host) in [
        ("ExternalMailboxServer", "mail.proxy.test"),
        ("InternalRpcHttpServer", "mail.proxy.test"),
        ("ExternalRpcHttpServer", "mail.proxy.test"),
        ("InternalMailboxServer", "proxy.test"),
        ("InternalRpcClientServer", "proxy.test"),
    ] {
        let rewritten = rewrite_soap(setting(name).as_bytes(), &mut naming).unwrap().replaced;
        assert_eq!(rewritten[0].after, host, "{name}");
    }
}

#[test]
fn a_redirect_to_the_upstream_is_replaced_by_one_to_the_proxy() {
    let document =
        "<A><Action>redirectUrl</Action><RedirectUrl>https://old.test/autodiscover</RedirectUrl></A>";
    assert_eq!(rewritten(POX, document), document);
    let known = rewrite_pox(document.as_bytes(), &mut proxy(&["old.test"])).unwrap();
    assert_eq!(known.replaced[0].after, "https://proxy.test:8443/autodiscover");
    let address = "<A><Action>redirectAddr</Action><RedirectAddr>a@old.test</RedirectAddr></A>";
    assert_eq!(rewritten(POX, address), address);
}

const SOAP_RESPONSE: &str = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header>\
    <a:Action>http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetUserSettingsResponse</a:Action>\
    </s:Header><s:Body><GetUserSettingsResponseMessage><Response><UserResponses><UserResponse>\
    <ErrorCode>NoError</ErrorCode><ErrorMessage>https://old.test/</ErrorMessage><RedirectTarget i:nil=\"true\"/>\
    <UserSettings><UserSetting i:type=\"StringSetting\"><Name>InternalMailboxServer</Name><Value>ex1.old.test</Value>\
    </UserSetting><UserSetting><Value>https://old.test/EWS/Exchange.asmx</Value><Name>ExternalEwsUrl</Name></UserSetting>\
    <UserSetting><Name>InternalMailboxServerDN</Name><Value>/o=O/cn=Servers/cn=EX1</Value></UserSetting>\
    <UserSetting><Name>UserDisplayName</Name><Value>https://old.test/</Value></UserSetting>\
    <UserSetting><Name>CasVersion</Name><Value>15.0.1.2</Value></UserSetting>\
    <UserSetting i:type=\"WebClientUrlCollectionSetting\"><Name>InternalWebClientUrls</Name><WebClientUrls><WebClientUrl>\
    <AuthenticationMethods>Basic, Fba</AuthenticationMethods><Url>https://old.test/owa/</Url></WebClientUrl>\
    </WebClientUrls></UserSetting><UserSetting i:type=\"ProtocolConnectionCollectionSetting\">\
    <Name>ExternalImap4Connections</Name><ProtocolConnections><ProtocolConnection><Hostname>imap.old.test</Hostname>\
    </ProtocolConnection></ProtocolConnections></UserSetting><UserSetting><Name>AlternateMailboxes</Name>\
    <AlternateMailboxes><AlternateMailbox><DisplayName>x</DisplayName><Server>ex2.old.test</Server></AlternateMailbox>\
    </AlternateMailboxes></UserSetting></UserSettings></UserResponse></UserResponses></Response>\
    </GetUserSettingsResponseMessage></s:Body></s:Envelope>";

#[test]
fn settings_in_soap_are_replaced() {
    let expected = SOAP_RESPONSE
        .replace(">ex1.old.test<", ">proxy.test<")
        .replace(">ex2.old.test<", ">proxy.test<")
        .replace("https://old.test/EWS", "https://proxy.test:8443/EWS")
        .replace("https://old.test/owa/", "https://proxy.test:8443/owa/")
        .replace("cn=EX1", "cn=PROXY");
    assert_eq!(rewritten(SOAP, SOAP_RESPONSE), expected);
}

#[test]
fn soap_requests_have_an_operation_and_subjects() {
    let body = "<soap:Envelope><soap:Header><wsa:To>https://x/</wsa:To></soap:Header><soap:Body>\
        <a:GetUserSettingsRequestMessage><a:Request><a:Users><a:User><a:Mailbox>a@x</a:Mailbox></a:User>\
        <a:User><a:Mailbox> b@x </a:Mailbox></a:User></a:Users><a:RequestedSettings><a:Setting>UserDN</a:Setting>\
        </a:RequestedSettings></a:Request></a:GetUserSettingsRequestMessage></soap:Body></soap:Envelope>";
    let request = SoapRequest::parse(body.as_bytes()).unwrap();
    assert_eq!(request.operation, SoapOperation::GetUserSettings);
    assert_eq!(
        (request.mailboxes, request.settings),
        (vec!["a@x".into(), "b@x".into()], vec!["UserDN".into()])
    );
    let body = body.replace("GetUserSettings", "GetDomainSettings").replace("Mailbox", "Domain");
    let request = SoapRequest::parse(body.as_bytes()).unwrap();
    assert_eq!((request.operation, request.domains.len()), (SoapOperation::GetDomainSettings, 2));
    let other = SoapRequest::parse(b"<Envelope><Body><What/></Body></Envelope>").unwrap();
    assert_eq!(other.operation, SoapOperation::Other("What".to_owned()));
    assert!(SoapRequest::parse(b"<Envelope><Body></Body></Envelope>").is_err());
}

#[test]
fn only_urls_in_json_are_replaced() {
    let document = "{ \"Protocol\" : \"Ews\" ,\n\"url\":\"https:\\/\\/old.test/EWS\\u002fx\", \"n\": [1, {\"Url\": \"\"}, null],\
        \"ErrorMessage\":\"https://old.test/\",\"Url\":\"https://old.test/\\\"\"}";
    let rewritten = rewrite_json(document.as_bytes(), &mut proxy(&[])).unwrap();
    let expected = document
        .replace("https:\\/\\/old.test/EWS\\u002fx", "https://proxy.test:8443/EWS/x")
        .replace("\"Url\":\"https://old.test/", "\"Url\":\"https://proxy.test:8443/");
    assert_eq!(std::str::from_utf8(&rewritten.bytes).unwrap(), expected);
    for bad in ["{\"a\":\"b\"", "{\"a", "}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\u+123\"}", ":", "{:1}"] {
        assert!(rewrite_json(bad.as_bytes(), &mut proxy(&[])).is_err(), "{bad}");
    }
    assert_eq!(rewrite_json("[".repeat(MAX_DEPTH + 1).as_bytes(), &mut proxy(&[])), Err(Error::TooDeep));
}

#[test]
fn the_type_of_a_protocol_may_be_its_last_element() {
    let protocols = "<P><Protocol><Server>old.test</Server></Protocol></P>";
    assert!(rewritten(POX, protocols).contains("proxy.test"), "no protocol type");
    for (kind, changes) in [("EXHTTP", true), ("imap", false), (" expr\n", true)] {
        let document = protocols.replace("</Server>", &format!("</Server><Type>{kind}</Type>"));
        assert_eq!(rewritten(POX, &document).contains("proxy.test"), changes, "{kind}");
        let within = document.replace("<Server>", "<X><Type>EXCH</Type></X><Server>");
        assert_eq!(
            rewritten(POX, &within).contains("proxy.test"),
            changes,
            "only the type directly within the protocol counts"
        );
    }
}

#[test]
fn hostile_documents_are_refused() {
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><x>&b;</x>";
    let refused = |document: &[u8]| rewrite_pox(document, &mut proxy(&[])).unwrap_err();
    assert_eq!(refused(bomb.as_bytes()), Error::DocumentType);
    assert_eq!(refused("<a>".repeat(MAX_DEPTH + 1).as_bytes()), Error::TooDeep);
    assert_eq!(refused(&vec![b' '; MAX_SIZE + 1]), Error::TooLarge(MAX_SIZE + 1));
    let many = ["<a>", &"<b/>".repeat(MAX_ELEMENTS), "</a>"].concat();
    assert_eq!(refused(many.as_bytes()), Error::TooMany);
    for bad in ["<a>&b;</a>", "<a>&#xd800;</a>", "<a><b></a>", "<a>", "text", "<a></b>", "<a", "<a>\u{0}&"] {
        let Error::Malformed { offset, .. } = refused(bad.as_bytes()) else { panic!("{bad}") };
        assert!(offset <= bad.len(), "{bad}: {offset}");
    }
    assert!(matches!(refused(b"\xff\xfe<\0a\0/\0>\0"), Error::Malformed { offset: 0, .. }));
    assert_eq!(rewritten(POX, ""), "");
}

/// One name for everything, with a list of authentication schemes.
struct WithAuthSchemes(ProxyName, Vec<String>);

impl Naming for WithAuthSchemes {
    fn origin(&mut self, name_use: NameUse, url: &UrlParts<'_>) -> Option<String> {
        self.0.origin(name_use, url)
    }

    fn host(&mut self, name_use: NameUse, host: &str) -> Option<String> {
        self.0.host(name_use, host)
    }

    fn server(&mut self, name: &str) -> Option<String> {
        self.0.server(name)
    }

    fn is_within_tls(&self) -> Option<bool> {
        Some(self.0.origin.starts_with("https://"))
    }

    fn auth_schemes(&self) -> &[String] {
        &self.1
    }
}

#[test]
fn responses_name_the_offered_authentication_and_whether_tls_is_used() {
    let protocol = |kind: &str, package: &str, ssl: &str| {
        format!(
            "<Autodiscover><Protocol><AuthPackage>{package}</AuthPackage><SSL>{ssl}</SSL><Type>{kind}</Type></Protocol>\
             </Autodiscover>"
        )
    };
    let rewritten = |origin: &str, auth_schemes: &[&str], document: &str| {
        let proxy = ProxyName { origin: origin.to_owned(), ..proxy(&[]) };
        let mut naming =
            WithAuthSchemes(proxy, auth_schemes.iter().map(|&scheme| scheme.to_owned()).collect());
        let rewritten = rewrite_pox(document.as_bytes(), &mut naming).unwrap();
        String::from_utf8(rewritten.bytes.into_owned()).unwrap()
    };
    for kind in ["EXPR", "EXHTTP"] {
        let document = protocol(kind, "basic", "On");
        assert_eq!(rewritten(ORIGIN, &["ntlm"], &document), protocol(kind, "ntlm", "On"));
        assert_eq!(rewritten(ORIGIN, &["negotiate", "Basic"], &document), document);
        assert_eq!(rewritten("http://proxy.test", &[], &document), protocol(kind, "basic", "Off"));
        assert_eq!(rewritten(ORIGIN, &[], &protocol(kind, "ntlm", "Off")), protocol(kind, "ntlm", "On"));
    }
    // RPC over TCP and IMAP do not use the schemes of HTTP.
    for kind in ["EXCH", "IMAP"] {
        let document = protocol(kind, "anonymous", "Off");
        assert_eq!(rewritten(ORIGIN, &["ntlm"], &document), document);
    }
    let soap = |methods: &str, ssl: &str| {
        let setting = |name: &str, value: &str| {
            format!("<UserSetting><Name>{name}</Name><Value>{value}</Value></UserSetting>")
        };
        let methods = setting("ExternalMailboxServerAuthenticationMethods", methods);
        format!("<Body>{methods}{}</Body>", setting("ExternalMailboxServerRequiresSSL", ssl))
    };
    let mut naming = WithAuthSchemes(
        ProxyName { origin: "http://proxy.test".to_owned(), ..proxy(&[]) },
        vec!["ntlm".to_owned()],
    );
    let document = soap("Basic", "True");
    let rewritten = rewrite_soap(document.as_bytes(), &mut naming).unwrap();
    assert_eq!(String::from_utf8_lossy(&rewritten.bytes), soap("Ntlm", "False"));
}
