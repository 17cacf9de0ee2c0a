//! Names of servers in RPC calls: in rows, restrictions, lists of names, and responses of the referral service.

use std::sync::Arc;

use engine::{Engine, Interface, SecurityContext};
use mapi::autodiscover::Dialect;
use mapi::ndr::{CharString, ContextHandle, Counted, Ptr, SizedPtr, WcharString};
use mapi::nspi::{
    self, ContentRestriction, DisplayType, PropertyRow, PropertyValue, Restriction, RestrictionUnion, Stat,
    Value,
};
use mapi::property::{FuzzyLevel, PropTag};
use mapi::{ErrorCode, rfr};
use testkit::{RpcClient, Step, TestFlight};
use wire::{Encode as _, Endian, Guid};

use crate::setup::{DATABASE, OTHER, engine, holds};

/// One caller with an address book session.
pub(crate) struct Book<'a> {
    talk: RpcClient<'a>,
    caller: SecurityContext,
    handle: ContextHandle,
}

impl<'a> Book<'a> {
    /// A caller of `authority`.
    pub(crate) fn open(engine: &'a Engine, authority: &str) -> Self {
        let caller = testkit::caller(authority);
        let mut talk = RpcClient::new(engine, &Arc::default());
        let handle = talk.bind(&caller, 9);
        let uuid = Guid::from_le(handle[4..].try_into().unwrap());
        Self { talk, caller, handle: ContextHandle { attributes: 0, uuid } }
    }

    pub(crate) fn relayed(
        &mut self,
        interface: Interface,
        opnum: u16,
        stub: Vec<u8>,
    ) -> (TestFlight, Vec<u8>) {
        let (flight, stub) = self.talk.relayed(testkit::incoming(&self.caller, (interface, opnum), stub));
        (flight, stub.to_vec())
    }

    pub(crate) fn delivered(&mut self, flight: &mut TestFlight, stub: Vec<u8>) -> Vec<u8> {
        self.talk.delivered(flight, stub).to_vec()
    }

    /// The address book request that the upstream receives.
    fn ask(&mut self, request: &nspi::Request) -> (TestFlight, nspi::Request) {
        let (flight, stub) = self.relayed(Interface::Nspi, request.opnum(), request.encode().unwrap());
        (flight, nspi::Request::decode(request.opnum(), &stub, Endian::Little).unwrap().0)
    }

    /// The response that the client receives for a request of the same operation.
    fn tell(&mut self, response: &nspi::Response) -> (Vec<u8>, nspi::Response) {
        let opnum = response.opnum();
        let mut request = vec![0; 4];
        request.extend(self.handle.uuid.to_le());
        request.extend(request_tail(opnum));
        let (mut flight, _) = self.relayed(Interface::Nspi, opnum, request);
        let stub = self.delivered(&mut flight, response.encode().unwrap());
        let decoded = nspi::Response::decode(opnum, &stub, Endian::Little).unwrap().0;
        (stub, decoded)
    }
}

/// A request of an operation with rows, after its handle.
fn request_tail(opnum: u16) -> Vec<u8> {
    let handle = ContextHandle::default();
    let stat = Stat::default();
    let request = match opnum {
        3 => nspi::Request::QueryRows(nspi::QueryRowsRequest {
            handle,
            flags: 0,
            stat,
            table: SizedPtr::default(),
            count: 1,
            prop_tags: Ptr::NULL,
        }),
        4 => nspi::Request::SeekEntries(nspi::SeekEntriesRequest {
            handle,
            reserved: 0,
            stat,
            target: wide(PropTag::PidTagDisplayName, "x"),
            table: Ptr::NULL,
            prop_tags: Ptr::NULL,
        }),
        5 => get_matches(handle, None),
        9 => nspi::Request::GetProps(nspi::GetPropsRequest { handle, flags: 0, stat, prop_tags: Ptr::NULL }),
        12 => nspi::Request::GetSpecialTable(nspi::GetSpecialTableRequest {
            handle,
            flags: 0,
            stat,
            version: 0,
        }),
        13 => nspi::Request::GetTemplateInfo(nspi::GetTemplateInfoRequest {
            handle,
            flags: 0,
            display_type: DisplayType::DT_MAILUSER,
            dn: Ptr::NULL,
            code_page: 0,
            locale_id: 0,
        }),
        19 => nspi::Request::ResolveNames(nspi::ResolveNamesRequest {
            handle,
            reserved: 0,
            stat,
            prop_tags: Ptr::NULL,
            names: Counted(vec![]),
        }),
        20 => nspi::Request::ResolveNamesW(nspi::ResolveNamesWRequest {
            handle,
            reserved: 0,
            stat,
            prop_tags: Ptr::NULL,
            names: Counted(vec![]),
        }),
        other => panic!("operation {other} has no rows"),
    };
    request.encode().unwrap()[20..].to_vec()
}

fn get_matches(handle: ContextHandle, filter: Option<Restriction>) -> nspi::Request {
    nspi::Request::GetMatches(nspi::GetMatchesRequest {
        handle,
        reserved1: 0,
        stat: Stat::default(),
        reserved: Ptr::NULL,
        reserved2: 0,
        filter: filter.into(),
        prop_name: Ptr::NULL,
        requested: 10,
        prop_tags: Ptr::NULL,
    })
}

fn wide(tag: PropTag, text: &str) -> PropertyValue {
    PropertyValue::new(tag, Value::Unicode(Ptr::new(WcharString::new(text))))
}

fn narrow(tag: PropTag, text: &str) -> PropertyValue {
    PropertyValue::new(tag, Value::String8(Ptr::new(CharString::new(text))))
}

fn permanent() -> nspi::PermanentEntryId {
    nspi::PermanentEntryId { display_type: DisplayType::DT_AGENT, distinguished_name: DATABASE.into() }
}

/// A row with the server's name in every possible property.
fn row() -> PropertyRow {
    let home = PropTag::PidTagAddressBookHomeMessageDatabase;
    let network = PropTag::PidTagAddressBookNetworkAddress;
    let addresses = ["ncacn_ip_tcp:EXCH1.lab.test", "netbios:EXCH1"];
    let entry_id = permanent();
    let entry_id = entry_id.to_bytes().unwrap();
    PropertyRow::new(vec![
        wide(home, DATABASE),
        narrow(home, DATABASE),
        wide(PropTag::PidTagEmailAddress, &format!("EX:{}", DATABASE.to_lowercase())),
        PropertyValue::new(
            PropTag::PidTagAddressBookProxyAddresses,
            Value::MultipleUnicode(SizedPtr::new(vec![Ptr::new(WcharString::new(DATABASE)); 2])),
        ),
        PropertyValue::new(
            PropTag::PidTagAddressBookProxyAddresses,
            Value::MultipleString8(SizedPtr::new(vec![Ptr::new(CharString::new(DATABASE)); 2])),
        ),
        PropertyValue::new(
            network,
            Value::MultipleUnicode(SizedPtr::new(addresses.map(|a| Ptr::new(WcharString::new(a))).to_vec())),
        ),
        PropertyValue::new(
            network,
            Value::MultipleString8(SizedPtr::new(addresses.map(|a| Ptr::new(CharString::new(a))).to_vec())),
        ),
        PropertyValue::new(PropTag::PidTagEntryId, Value::Binary(SizedPtr::new(entry_id.clone()))),
        PropertyValue::new(
            PropTag::PidTagEntryId,
            Value::MultipleBinary(SizedPtr::new(vec![SizedPtr::new(entry_id)])),
        ),
    ])
}

/// Every operation that returns rows, with the maximum number of rows.
fn answers() -> Vec<nspi::Response> {
    let stat = Stat::default();
    let rows = || Ptr::new(Counted(vec![row(), row(), row()]));
    let return_value = ErrorCode::SUCCESS;
    let mids = || Ptr::NULL;
    vec![
        nspi::Response::QueryRows(nspi::QueryRowsResponse { stat, rows: rows(), return_value }),
        nspi::Response::SeekEntries(nspi::SeekEntriesResponse { stat, rows: rows(), return_value }),
        nspi::Response::GetMatches(nspi::GetMatchesResponse {
            stat,
            mids: mids(),
            rows: rows(),
            return_value,
        }),
        nspi::Response::GetProps(nspi::GetPropsResponse { row: Ptr::new(row()), return_value }),
        nspi::Response::GetSpecialTable(nspi::GetSpecialTableResponse {
            version: 1,
            rows: rows(),
            return_value,
        }),
        nspi::Response::GetTemplateInfo(nspi::GetTemplateInfoResponse {
            data: Ptr::new(row()),
            return_value,
        }),
        nspi::Response::ResolveNames(nspi::ResolveNamesResponse { mids: mids(), rows: rows(), return_value }),
        nspi::Response::ResolveNamesW(nspi::ResolveNamesWResponse {
            mids: mids(),
            rows: rows(),
            return_value,
        }),
    ]
}

#[test]
fn rows_of_all_operations_are_free_of_the_servers_name() {
    let engine = engine("exch1.lab.test", None);
    let mut book = Book::open(&engine, "a");
    for answer in answers() {
        assert!(holds(&answer.encode().unwrap(), "exch1"), "the test must be able to fail");
        let (stub, mut seen) = book.tell(&answer);
        assert!(!holds(&stub, "exch"), "{}", seen.name());
        assert!(holds(&stub, "/cn=PROXY/"), "{}", seen.name());
        seen.visit_values_mut(&mut |value| {
            if value.tag.is_same_property(PropTag::PidTagAddressBookNetworkAddress) {
                let count = match &value.value {
                    Value::MultipleUnicode(list) => list.items.as_ref().map(Vec::len),
                    Value::MultipleString8(list) => list.items.as_ref().map(Vec::len),
                    other => panic!("{other:?}"),
                };
                assert_eq!(count, Some(1), "only the proxy's binding is left");
            }
        });
    }
}

#[test]
fn an_alias_that_the_client_sends_back_becomes_the_servers_name() {
    let engine = engine("exch1.lab.test", None);
    let mut book = Book::open(&engine, "a");
    book.tell(&answers()[0]);
    let alias = DATABASE.replace("EXCH1", "PROXY");
    let handle = book.handle;

    let names = Counted(vec![Ptr::new(CharString::new(&alias))]);
    let (_, got) = book.ask(&nspi::Request::DNToMId(nspi::DNToMIdRequest { handle, reserved: 0, names }));
    let nspi::Request::DNToMId(got) = got else { panic!("{got:?}") };
    assert_eq!(got.names.0[0].get().unwrap().to_string_lossy(), DATABASE);

    let content = |value| {
        RestrictionUnion::Content(ContentRestriction {
            fuzzy_level: FuzzyLevel::FL_SUBSTRING,
            tag: PropTag::PidTagEmailAddress,
            value: Ptr::new(Box::new(value)),
        })
    };
    for value in [wide(PropTag::PidTagEmailAddress, &alias), narrow(PropTag::PidTagEmailAddress, &alias)] {
        let inner = Restriction::new(content(value));
        let not = Restriction::new(RestrictionUnion::Not(Ptr::new(Box::new(inner))));
        let (_, got) = book.ask(&get_matches(handle, Some(not)));
        let stub = got.encode().unwrap();
        assert!(holds(&stub, "EXCH1") && !holds(&stub, "PROXY"), "{got:?}");
    }

    let names = Counted(vec![Ptr::new(WcharString::new(&alias))]);
    let prop_tags = Ptr::NULL;
    let resolve = nspi::ResolveNamesWRequest { handle, reserved: 0, stat: Stat::default(), prop_tags, names };
    let (_, got) = book.ask(&nspi::Request::ResolveNamesW(resolve));
    assert!(holds(&got.encode().unwrap(), "EXCH1"));
}

/// The name that the client receives for the server in `dn`, in a row of a new session of `authority`.
fn seen(engine: &Engine, authority: &str, dn: &str) -> String {
    let mut book = Book::open(engine, authority);
    let rows = Ptr::new(Counted(vec![PropertyRow::new(vec![narrow(PropTag::PidTagEmailAddress, dn)])]));
    let answer = nspi::Response::QueryRows(nspi::QueryRowsResponse {
        stat: Stat::default(),
        rows,
        return_value: ErrorCode::SUCCESS,
    });
    let (_, mut told) = book.tell(&answer);
    let mut text = String::new();
    told.visit_values_mut(&mut |value| {
        if let Value::String8(string) = &value.value {
            text = string.get().unwrap().to_string_lossy();
        }
    });
    engine.end(&mut book.talk.conversation, true);
    server_of(&text).to_owned()
}

fn server_of(dn: &str) -> &str {
    dn.split("/cn=Servers/cn=").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default()
}

/// The name of the server that the upstream receives if the client sends `alias`, in a new session of `authority`.
fn asked(engine: &Engine, authority: &str, alias: &str) -> String {
    let mut book = Book::open(engine, authority);
    let names = Counted(vec![Ptr::new(CharString::new(DATABASE.replace("EXCH1", alias)))]);
    let (_, got) =
        book.ask(&nspi::Request::DNToMId(nspi::DNToMIdRequest { handle: book.handle, reserved: 0, names }));
    let nspi::Request::DNToMId(got) = got else { panic!("{got:?}") };
    engine.end(&mut book.talk.conversation, true);
    server_of(&got.names.0[0].get().unwrap().to_string_lossy()).to_owned()
}

#[test]
fn an_alias_is_the_same_in_all_sessions_callers_and_proxies() {
    let pool = [engine("exch1.lab.test", None), engine("exch1.lab.test", None)];
    let first = seen(&pool[0], "a", OTHER);
    assert_ne!(first, "PROXY", "that is the upstream");
    // In another order, after the session ended, by another caller, in another process.
    assert_eq!(seen(&pool[0], "a", DATABASE), "PROXY");
    assert_eq!(seen(&pool[0], "b", OTHER), first);
    assert_eq!(seen(&pool[1], "a", OTHER), first);
    for engine in &pool {
        assert_eq!(asked(engine, "c", &first), "EXCH2");
        assert_eq!(asked(engine, "c", "PROXY"), "EXCH1");
        assert_eq!(asked(engine, "c", "PROXY-2"), "PROXY-2", "is the alias of no server");
    }
}

#[test]
fn more_than_a_thousand_servers_have_different_aliases() {
    let engine = engine("10.0.0.1", None);
    let mut names = std::collections::BTreeSet::new();
    for number in 0..1103 {
        let server = format!("EXCH{number}");
        let alias = seen(&engine, "a", &DATABASE.replace("EXCH1", &server));
        assert!(!alias.contains("EXCH"), "{alias}");
        if number % 100 == 0 {
            assert_eq!(asked(&engine, "b", &alias), server);
        }
        names.insert(alias);
    }
    assert_eq!(names.len(), 1103);
}

/// The name of a mailbox, in the form of grommunio and Exchange 2013.
const MAILBOX: &str = "616c6963-6540-6c61-622e-746502000000@lab.test";

#[test]
fn a_mailbox_that_is_its_own_server_has_one_name_in_the_address_book_and_in_autodiscover() {
    for server in [MAILBOX, "EXCH1", "EXCH2"] {
        let engine = engine("exch1.lab.test", None);
        let database = DATABASE.replace("EXCH1", server);
        let alias = seen(&engine, "a", &database);
        let document = format!("<A><ServerDN>{database}</ServerDN><MdbDN>{database}</MdbDN></A>");
        let caller = testkit::caller("a");
        let told = engine.autodiscover(Dialect::Pox, document.as_bytes(), &caller).unwrap();
        let told = told.map_or_else(|| document.clone(), |told| String::from_utf8(told).unwrap());
        assert_eq!(told, document.replace(server, &alias));
        assert_eq!(asked(&engine, "a", &alias), server);
    }
}

#[test]
fn the_configured_server_name_is_the_one_that_the_proxys_name_replaces() {
    let engine = engine("10.0.0.1", Some("MAIL"));
    let mut book = Book::open(&engine, "a");
    let request = rfr::Request::GetFQDNFromServerDN(rfr::GetFQDNFromServerDNRequest {
        flags: 0,
        mailbox_server_dn: CharString::new("/o=O/ou=G/cn=Configuration/cn=Servers/cn=PROXY"),
    });
    let (mut flight, sent) = book.relayed(Interface::Rfr, 1, request.encode().unwrap());
    assert!(holds(&sent, "/cn=MAIL"));
    let answer = rfr::Response::GetFQDNFromServerDN(rfr::GetFQDNFromServerDNResponse {
        server_fqdn: Ptr::new(CharString::new("mail.lab.test")),
        return_value: ErrorCode::SUCCESS,
    });
    let got = book.delivered(&mut flight, answer.encode().unwrap());
    assert!(holds(&got, "proxy.lab.test") && !holds(&got, "mail.lab"));
}

#[test]
fn a_response_that_cannot_be_decoded_is_refused() {
    let engine = engine("exch1.lab.test", None);
    let mut book = Book::open(&engine, "a");
    let mut request = vec![0; 4];
    request.extend(book.handle.uuid.to_le());
    request.extend(request_tail(3));
    let (mut flight, _) = book.relayed(Interface::Nspi, 3, request);
    let next = book.talk.respond(&mut flight, b"EXCH1".as_slice());
    assert!(matches!(next, Step::Fault { .. }), "{next:?}");
}
