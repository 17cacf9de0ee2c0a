//! Autodiscover in its three dialects.

use mapi::autodiscover::{SoapOperation, SoapRequest};

use super::client::{Received, TestServer};
use crate::{LabConfig, ServerName};

const OUTLOOK: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

fn pox(address: &str, schema: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/\
         requestschema/2006\"><Request><EMailAddress>{address}</EMailAddress><AcceptableResponseSchema>{schema}\
         </AcceptableResponseSchema></Request></Autodiscover>"
    )
}

async fn post(server: &TestServer, dialect: &str, headers: &str, body: &str) -> Received {
    let mut alice = server.alice().await;
    let headers = alice.authorization.clone() + headers;
    let line = format!("POST /autodiscover/autodiscover.{dialect}");
    alice.client.send(&line, &headers, body.as_bytes()).await
}

#[tokio::test]
async fn outlook_receives_the_urls_of_mapi_over_http() {
    let server = TestServer::start().await;
    let capable = "X-MapiHttpCapability: 1\r\n";
    let received = post(&server, "xml", capable, &pox("ALICE@lab.test", OUTLOOK)).await;
    assert_eq!((received.status, received.header("Content-Type")), (200, "text/xml; charset=utf-8"));
    let text = received.text();
    let user_dn = server.lab.config().user_dn("alice");
    for expected in [
        format!("<LegacyDN>{user_dn}</LegacyDN>"),
        "<AutoDiscoverSMTPAddress>alice@lab.test</AutoDiscoverSMTPAddress>".to_owned(),
        format!("<MailStore><InternalUrl>http://{}/mapi/emsmdb/?MailboxId=", server.address),
        format!("<AddressBook><InternalUrl>http://{}/mapi/nspi/?MailboxId=", server.address),
    ] {
        assert!(text.contains(&expected), "{expected}\n{text}");
    }
    assert!(!text.contains("EXCH</Type>"), "{text}");
}

#[tokio::test]
async fn the_urls_of_a_mailbox_that_is_elsewhere_are_those_of_its_server() {
    let server = ServerName { name: "EXCH9".to_owned(), host: "exch9.lab.test".to_owned() };
    let elsewhere = [("bob".to_owned(), server)].into();
    let server = TestServer::with_lab(LabConfig { elsewhere, ..LabConfig::two_servers() }).await;
    let capable = "X-MapiHttpCapability: 1\r\n";
    let text = post(&server, "xml", capable, &pox("bob@lab.test", OUTLOOK)).await.text().to_owned();
    for endpoint in ["emsmdb", "nspi"] {
        let url = format!("<InternalUrl>https://exch9.lab.test/mapi/{endpoint}/?MailboxId=");
        assert!(text.contains(&url), "{text}");
    }
    let text = post(&server, "xml", "", &pox("bob@lab.test", OUTLOOK)).await.text().to_owned();
    let server_dn = server.lab.config().server_dn("EXCH9");
    assert!(text.contains("<Server>exch9.lab.test</Server>") && text.contains(&server_dn), "{text}");
    let text = post(&server, "xml", capable, &pox("alice@lab.test", OUTLOOK)).await.text().to_owned();
    assert!(!text.contains("exch9"), "{text}");
}

#[tokio::test]
async fn other_clients_receive_the_server_of_rpc() {
    let server = TestServer::start().await;
    let received = post(&server, "xml", "", &pox("alice@lab.test", OUTLOOK)).await;
    let text = received.text();
    assert!(text.contains("<Type>EXCH</Type><Server>exch"), "{text}");
    assert!(text.contains("/cn=Configuration/cn=Servers/cn=EXCH"), "{text}");
    assert!(!text.contains("mapiHttp"), "{text}");
}

#[tokio::test]
async fn a_request_without_settings_has_the_error_code_of_its_fault() {
    let server = TestServer::start().await;
    let deep = format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000));
    let entity = "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><x>&e;</x>";
    for (body, code) in [
        (pox("unknown@lab.test", OUTLOOK), 500),
        (pox("alice@lab.test", "http://other/schema"), 601),
        (pox("", OUTLOOK), 600),
        (String::new(), 600),
        ("<a".to_owned(), 600),
        (deep, 600),
        (entity.to_owned(), 600),
    ] {
        let received = post(&server, "xml", "", &body).await;
        assert_eq!(received.status, 200);
        let expected = format!("<ErrorCode>{code}</ErrorCode>");
        assert!(received.text().contains(&expected), "{expected}\n{}", received.text());
    }
}

fn soap(addresses: &[&str], message: &str) -> String {
    let user = |address: &&str| format!("<User><Mailbox>{address}</Mailbox></User>");
    let users = addresses.iter().map(user).collect::<Vec<_>>().concat();
    let settings = ["UserDN", "MapiHttpEnabled", "ExternalEwsUrl"];
    let settings = settings.map(|name| format!("<Setting>{name}</Setting>")).concat();
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><{message} \
         xmlns=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\"><Request><Users>{users}</Users>\
         <RequestedSettings>{settings}</RequestedSettings></Request></{message}></s:Body></s:Envelope>"
    )
}

#[tokio::test]
async fn soap_returns_the_requested_settings_of_each_user() {
    let server = TestServer::start().await;
    let body = soap(&["alice@lab.test", "a<b@lab.test"], "GetUserSettingsRequestMessage");
    let body = body.replace("a<b", "a&lt;b");
    assert_eq!(SoapRequest::parse(body.as_bytes()).unwrap().operation, SoapOperation::GetUserSettings);
    let received = post(&server, "svc", "", &body).await;
    assert_eq!(received.status, 200);
    let text = received.text();
    let user_dn = server.lab.config().user_dn("alice");
    for expected in [
        format!("<Name>UserDN</Name><Value>{user_dn}</Value>"),
        "<Name>MapiHttpEnabled</Name><Value>True</Value>".to_owned(),
        "<SettingName>ExternalEwsUrl</SettingName>".to_owned(),
        "<ErrorCode>InvalidUser</ErrorCode><ErrorMessage>Invalid user: 'a&lt;b@lab.test'</ErrorMessage>"
            .to_owned(),
    ] {
        assert!(text.contains(&expected), "{expected}\n{text}");
    }
    let many = vec!["alice@lab.test"; 101];
    let refused = post(&server, "svc", "", &soap(&many, "GetUserSettingsRequestMessage")).await;
    assert!(refused.text().contains("<ErrorCode>InvalidRequest</ErrorCode>"), "{}", refused.text());
    for body in [soap(&[], "GetDomainSettingsRequestMessage"), "<a".to_owned()] {
        let fault = post(&server, "svc", "", &body).await;
        assert_eq!(fault.status, 500);
        assert!(fault.text().contains("<faultcode>soap:Client</faultcode>"), "{}", fault.text());
    }
}

#[tokio::test]
async fn json_returns_the_url_of_the_other_dialect_without_authentication() {
    let server = TestServer::start().await;
    let mut client = server.connect().await;
    let json = "GET /autodiscover/autodiscover.json";
    let url = format!("http://{}/autodiscover/autodiscover.xml", server.address);
    for target in
        ["?Email=alice@lab.test&Protocol=AutodiscoverV1", "/v1.0/alice%40lab.test?Protocol=autodiscoverv1"]
    {
        let received = client.send(&format!("{json}{target}"), "", b"").await;
        let expected = format!(r#"{{"Protocol":"AutodiscoverV1","Url":"{url}"}}"#);
        assert_eq!((received.status, received.text()), (200, expected.as_str()));
    }
    for (target, error) in [
        ("?Email=alice@lab.test&Protocol=Ews", "ProtocolNotSupported"),
        ("?Email=alice@lab.test", "MandatoryParameterMissing"),
        ("?Protocol=AutodiscoverV1", "MandatoryParameterMissing"),
    ] {
        let received = client.send(&format!("{json}{target}"), "", b"").await;
        assert_eq!(received.status, 400);
        assert!(received.text().contains(&format!(r#""ErrorCode":"{error}""#)), "{}", received.text());
    }
    assert_eq!(client.send("GET /autodiscover/autodiscover.xml", "", b"").await.status, 401);
}

#[tokio::test]
async fn a_response_405_names_the_method_of_the_dialect() {
    let server = TestServer::start().await;
    let mut alice = server.alice().await;
    for (request, allowed) in [
        ("GET /autodiscover/autodiscover.xml", "POST"),
        ("PUT /autodiscover/autodiscover.svc", "POST"),
        ("POST /autodiscover/autodiscover.json", "GET"),
    ] {
        let headers = alice.authorization.clone();
        let received = alice.client.send(request, &headers, b"").await;
        assert_eq!((received.status, received.header("Allow")), (405, allowed), "{request}");
    }
}
