//! Autodiscover by SOAP ([MS-OXWSADISC]): `GetUserSettings`.

use hyper::StatusCode;
use mapi::autodiscover::{SoapOperation, SoapRequest};

use super::settings::{Mailbox, element};
use crate::http::server::Server;

/// The most mailboxes of a request.
const MAX_MAILBOXES: usize = 100;
const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
const AUTODISCOVER: &str = "http://schemas.microsoft.com/exchange/2010/Autodiscover";
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// The status and the body of the response to a request with this body.
pub(super) fn respond(server: &Server, body: &[u8]) -> (StatusCode, String) {
    match SoapRequest::parse(body) {
        Ok(request) if request.operation == SoapOperation::GetUserSettings => {
            (StatusCode::OK, envelope(&user_settings(server, &request)))
        }
        Ok(_) => fault("The lab has only GetUserSettings."),
        Err(error) => fault(&error.to_string()),
    }
}

/// A fault of the client (SOAP 1.1, 4.4, 6.2).
fn fault(text: &str) -> (StatusCode, String) {
    let fault = element("faultcode", "soap:Client") + &element("faultstring", text);
    let fault = format!("<soap:Fault>{fault}</soap:Fault>");
    (StatusCode::INTERNAL_SERVER_ERROR, envelope(&fault))
}

fn envelope(body: &str) -> String {
    let version = "<ServerVersionInfo xmlns=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\">\
         <MajorVersion>15</MajorVersion><MinorVersion>0</MinorVersion>\
         <MajorBuildNumber>1497</MajorBuildNumber><MinorBuildNumber>0</MinorBuildNumber>\
         </ServerVersionInfo>";
    let action = format!("<a:Action>{AUTODISCOVER}/Autodiscover/GetUserSettingsResponse</a:Action>");
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="{ENVELOPE}" xmlns:a="{ADDRESSING}"><soap:Header>{action}{version}</soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>"#
    )
}

/// An error and its message; `NoError` without one.
fn error(code: &str, message: &str) -> String {
    element("ErrorCode", code) + &element("ErrorMessage", message)
}

/// The response to `GetUserSettings` ([MS-OXWSADISC] 3.1.4.4).
fn user_settings(server: &Server, request: &SoapRequest) -> String {
    let count = request.mailboxes.len();
    let response = if count == 0 || count > MAX_MAILBOXES {
        error("InvalidRequest", "between 1 and 100 mailboxes are expected")
    } else {
        let users: String =
            request.mailboxes.iter().map(|address| user(server, address, &request.settings)).collect();
        format!("{}<UserResponses>{users}</UserResponses>", error("NoError", ""))
    };
    format!(
        r#"<GetUserSettingsResponseMessage xmlns="{AUTODISCOVER}" xmlns:i="{INSTANCE}"><Response>{response}</Response></GetUserSettingsResponseMessage>"#
    )
}

/// The `UserResponse` for the user with this mail address.
fn user(server: &Server, address: &str, settings: &[String]) -> String {
    let Some(mailbox) = Mailbox::with_address(&server.lab, address) else {
        let invalid = error("InvalidUser", &format!("Invalid user: '{address}'"));
        return format!("<UserResponse>{invalid}</UserResponse>");
    };
    let (mut errors, mut values) = (String::new(), String::new());
    for name in settings {
        if let Some(value) = setting(server, &mailbox, name) {
            let named = element("Name", name) + &element("Value", &value);
            values.extend([r#"<UserSetting i:type="StringSetting">"#, named.as_str(), "</UserSetting>"]);
        } else {
            let missing =
                error("SettingIsNotAvailable", "the lab has no such setting") + &element("SettingName", name);
            errors.extend(["<UserSettingError>", missing.as_str(), "</UserSettingError>"]);
        }
    }
    let outcome = error("NoError", "");
    format!(
        "<UserResponse>{outcome}<UserSettingErrors>{errors}</UserSettingErrors><UserSettings>{values}\
         </UserSettings></UserResponse>"
    )
}

/// The value of a setting ([MS-OXWSADISC] 3.1.4.4.2).
fn setting(server: &Server, mailbox: &Mailbox<'_>, name: &str) -> Option<String> {
    Some(match name {
        "UserDisplayName" => mailbox.entry.display_name.clone(),
        "UserDN" => mailbox.entry.dn.clone(),
        "UserDeploymentId" => server.lab.directory.guid.guid().to_string(),
        "AutoDiscoverSMTPAddress" => mailbox.address.to_owned(),
        "InternalMailboxServer" | "InternalRpcClientServer" => mailbox.server_host.to_owned(),
        "InternalMailboxServerDN" => mailbox.server_dn.clone(),
        "MailboxDN" => mailbox.database_dn.to_owned(),
        "MapiHttpEnabled" => "True".to_owned(),
        _ => return None,
    })
}
