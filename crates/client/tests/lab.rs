//! The client against the lab, over loopback: sign in, look people up, connect to the store.

mod served;

use client::{Client, ClientConfig, Dialect, Failure, Person, Resolution, Side};
use identity::Mechanism;
use lab::LabConfig;
use mapi::mapihttp::ResponseCode;
use mapi::nspi::MId;
use mapi::property::{PropTag, PropertyValue, RelationalOperator, Restriction, TaggedValue};
use mapi::{ErrorCode, Interface};
use rpc::{AuthLevel, FaultStatus};

use self::served::Served;

/// What people do, from end to end.
async fn conversation(config: ClientConfig) {
    let names = LabConfig::two_servers();
    let alice = names.user_dn("alice");
    let signed_in = config.account.is_some();
    let over_http = matches!(config.server, client::Server::Http(_));
    let client = Client::connect(config).await.unwrap();
    if !over_http {
        assert_eq!(client.rfr_new_dsa(&alice).await.unwrap(), "exch.lab.test");
        assert_eq!(client.rfr_fqdn(&names.server_dn("EXCH2")).await.unwrap(), "exch2.lab.test");
    }

    let mut book = client.address_book().await.unwrap();
    let containers = book.hierarchy().await.unwrap();
    assert_eq!((containers.len(), containers[0].id, containers[0].name.as_str()), (3, MId(0), ""));
    browse(&mut book).await;
    let mids = book.dn_to_mid(&[&alice, "/o=unknown"]).await.unwrap();
    assert_eq!(mids[1], None);
    let props = book
        .get_props(mids[0].unwrap(), &[PropTag::PidTagAccount, PropTag::PidTagSmtpAddress])
        .await
        .unwrap();
    assert_eq!(props.get(PropTag::PidTagAccount), Some(&PropertyValue::from("alice")));
    book.unbind().await.unwrap();

    if !signed_in {
        let error = client.mailbox(&alice).await.unwrap_err();
        assert_eq!(error.failure, Failure::Returned(ErrorCode::MAPI_E_NO_ACCESS));
        return;
    }
    let mailbox = client.mailbox(&alice).await.unwrap();
    let dialect = if over_http { Dialect::Http } else { Dialect::Extended };
    assert_eq!(mailbox.dialect(), dialect);
    assert!(mailbox.display_name.starts_with("Alice ") && !mailbox.server_version.is_empty());
    assert_eq!(mailbox.dn_prefix, names.recipients());
    let info = mailbox.info().clone();
    mailbox.disconnect().await.unwrap();

    let legacy = client.mailbox_legacy(&alice).await;
    if over_http {
        assert_eq!(legacy.unwrap_err().failure.side(), Side::Client);
        return;
    }
    let legacy = legacy.unwrap();
    assert_eq!(legacy.dialect(), Dialect::Legacy);
    assert_eq!(legacy.info().folder_ids, info.folder_ids);
    legacy.disconnect().await.unwrap();
}

async fn browse(book: &mut client::AddressBook) {
    let page = book.query_rows(0, 10, client::PERSON_COLUMNS).await.unwrap();
    assert_eq!((page.rows.len(), page.position, page.total), (10, 10, 308));
    let first = Person::from_row(&page.rows[0]);
    assert!(first.smtp.ends_with("@lab.test") && first.mid.is_some() && !first.is_list());
    let sixth = book.people(5, 1).await.unwrap().remove(0);
    assert_eq!(sixth, Person::from_row(&page.rows[5]));
    let found = book.search("alice", 10).await.unwrap();
    assert_eq!((found.len(), found[0].account.as_str()), (1, "alice"));
    let lists = Restriction::Property {
        relop: RelationalOperator::RELOP_EQ,
        tag: PropTag::PidTagDisplayType,
        value: TaggedValue::new(PropTag::PidTagDisplayType, PropertyValue::Integer32(1)),
    };
    let found = book.get_matches(lists.clone(), 10, client::PERSON_COLUMNS).await.unwrap();
    assert!(found.len() == 8 && found.iter().all(|(_, row)| Person::from_row(row).is_list()));
    let error = book.get_matches(lists, 3, client::PERSON_COLUMNS).await.unwrap_err();
    assert_eq!(error.failure, Failure::Returned(ErrorCode::MAPI_E_TABLE_TOO_BIG));
    let resolved = book.resolve_names(&["alice", "no such user", "all"]).await.unwrap();
    let [Resolution::Resolved(alice), Resolution::Unresolved, Resolution::Ambiguous] = resolved.as_slice()
    else {
        panic!("{resolved:?}")
    };
    assert!(alice.home_database.contains("/cn=EXCH1/"), "{alice:?}");
}

#[tokio::test]
async fn a_client_works_with_ntlm_and_privacy() {
    let served = Served::new(AuthLevel::PKT_PRIVACY).await;
    conversation(served.signed_in(Mechanism::NTLM, AuthLevel::PKT_PRIVACY, "Password")).await;
    served.end().await;
}

#[tokio::test]
async fn a_client_works_with_spnego_and_privacy() {
    let served = Served::new(AuthLevel::PKT_PRIVACY).await;
    conversation(served.signed_in(Mechanism::SPNEGO, AuthLevel::PKT_PRIVACY, "Password")).await;
    served.end().await;
}

#[tokio::test]
async fn a_client_works_at_lower_levels_that_the_server_accepts() {
    let served = Served::new(AuthLevel::NONE).await;
    conversation(served.config()).await;
    for level in [AuthLevel::CONNECT, AuthLevel::PKT, AuthLevel::PKT_INTEGRITY] {
        conversation(served.signed_in(Mechanism::NTLM, level, "Password")).await;
    }
    served.end().await;
}

#[tokio::test]
async fn a_client_works_over_http_with_each_scheme() {
    let served = Served::new(AuthLevel::PKT_PRIVACY).await;
    for mechanism in [Mechanism::BASIC, Mechanism::NTLM, Mechanism::SPNEGO] {
        conversation(served.over_http("alice", mechanism, "Password")).await;
    }
    served.end().await;
}

#[tokio::test]
async fn refusals_over_http_are_errors_with_their_reason() {
    let served = Served::new(AuthLevel::PKT_PRIVACY).await;
    for mechanism in [Mechanism::BASIC, Mechanism::NTLM] {
        let client = Client::new(served.over_http("alice", mechanism, "password"));
        let error = client.address_book().await.unwrap_err();
        assert!(matches!(error.failure, Failure::NotAuthenticated(_)), "{error}");
        assert_eq!((error.operation, error.failure.side()), ("nspi.Bind", Side::Connection));
    }
    let mut config = served.over_http("alice", Mechanism::BASIC, "Password");
    if let client::Server::Http(server) = &mut config.server {
        server.emsmdb = "/mapi/unknown/".to_owned();
    }
    let error = Client::new(config).mailbox("/o=unknown").await.unwrap_err();
    let refused = [Failure::Refused(ResponseCode::InvalidPath), Failure::Status(404)];
    assert!(refused.contains(&error.failure), "{error}");
    let anonymous = ClientConfig { account: None, ..served.over_http("alice", Mechanism::BASIC, "Password") };
    let error = Client::new(anonymous).address_book().await.unwrap_err();
    assert_eq!(error.to_string(), "nspi.Bind: client: MAPI over HTTP requires an account");
    served.end().await;
}

#[tokio::test]
async fn the_server_of_a_user_is_found_by_autodiscover() {
    let served = Served::new(AuthLevel::PKT_PRIVACY).await;
    let config = served.over_http("alice", Mechanism::NTLM, "Password");
    let client::Server::Http(server) = &config.server else { panic!("over RPC") };
    let account = || config.account.clone().unwrap();
    let found = client::discover("alice@lab.test", account(), Some(server), None).await.unwrap();
    assert_eq!(found.user_dn, LabConfig::two_servers().user_dn("alice"));
    let client::Server::Http(of_alice) = &found.config.server else { panic!("over RPC") };
    assert!(of_alice.emsmdb.starts_with("/mapi/emsmdb/?MailboxId="), "{of_alice:?}");
    let mailbox = Client::new(found.config).mailbox(&found.user_dn).await.unwrap();
    assert!(mailbox.display_name.starts_with("Alice "));
    mailbox.disconnect().await.unwrap();
    let error = client::discover("unknown@lab.test", account(), Some(server), None).await.unwrap_err();
    let expected =
        "autodiscover on unknown@lab.test: server: no settings: \"The email address can't be found.\"";
    assert_eq!(error.to_string(), expected);
    served.end().await;
}

#[tokio::test]
async fn insufficient_authentication_is_refused() {
    let served = Served::new(AuthLevel::PKT_PRIVACY).await;
    let low = served.signed_in(Mechanism::NTLM, AuthLevel::PKT_INTEGRITY, "Password");
    for config in [served.config(), low] {
        let client = Client::connect(config).await.unwrap();
        let error = client.rfr_new_dsa("").await.unwrap_err();
        assert_eq!(error.failure, Failure::Fault(FaultStatus::ACCESS_DENIED));
    }
    for mechanism in [Mechanism::NTLM, Mechanism::SPNEGO] {
        let wrong = served.signed_in(mechanism, AuthLevel::PKT_PRIVACY, "password");
        let error = Client::new(wrong).address_book().await.unwrap_err();
        // The one is refused with its first call, the other while it signs in.
        assert!(error.operation == "nspi.Bind" && error.to_string().ends_with("ACCESS_DENIED"), "{error}");
    }
    served.end().await;
}

#[tokio::test]
async fn errors_name_the_side_and_the_operation() {
    let served = Served::new(AuthLevel::NONE).await;
    let client = Client::new(served.config());
    let error = client.mailbox("/o=unknown").await.unwrap_err();
    assert_eq!(error.to_string(), "emsmdb.EcDoConnectEx: server: returned EC_UNKNOWN_USER");
    let at = client.find(Interface::Nspi).await.unwrap();
    assert_ne!(at[0].port(), served.mapper.port());
    served.end().await;
    let error = Client::new(ClientConfig::fixed("127.0.0.1", at[0].port())).address_book().await.unwrap_err();
    assert_eq!((error.operation, error.failure.side()), ("nspi.Bind", Side::Connection), "{error}");
}

#[tokio::test]
async fn a_lost_connection_leaves_no_session() {
    let served = Served::new(AuthLevel::PKT_PRIVACY).await;
    let client = Client::new(served.signed_in(Mechanism::NTLM, AuthLevel::PKT_PRIVACY, "Password"));
    let book = client.address_book().await.unwrap();
    let mailbox = client.mailbox(&LabConfig::default().user_dn("alice")).await.unwrap();
    assert_eq!(served.lab.open_handles(), 2);
    drop((book, mailbox));
    served.end().await;
}
