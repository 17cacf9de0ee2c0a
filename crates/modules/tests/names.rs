//! The names module in conversations: no server's name reaches a client, whatever the operation and wherever in
//! the answer it stands, and what the client sends back with ours means the server again.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::options::{OptionValue, Options};
use engine::{Engine, Flight, Interface, Module, Next, ProxyFacts, SecurityContext, Stack};
use mapi::aux_block::{
    AuxBlock, AuxBody, AuxBuffer, AuxType, AuxVersion, ExOrgInfo, OrgFlags, ServerSessionInfo,
};
use mapi::compress::ExtendedBuffer;
use mapi::ndr::{CharString, ContextHandle, Counted, Ptr, SizedPtr, WcharString};
use mapi::nspi::{
    self, ContentRestriction, DisplayType, PropertyRow, PropertyValue, Restriction, RestrictionUnion, Stat,
    Value,
};
use mapi::property::{FuzzyLevel, PropTag};
use mapi::{ErrorCode, emsmdb, rfr};
use modules::Names;
use testkit::Talk;
use wire::{Encode as _, Endian, Guid};

const DATABASE: &str = "/o=O/ou=G/cn=Configuration/cn=Servers/cn=EXCH1/cn=Microsoft Private MDB";
const OTHER: &str = "/o=O/ou=G/cn=Configuration/cn=Servers/cn=EXCH2/cn=Microsoft Private MDB";

fn engine(upstream: &str, server: Option<&str>) -> Engine {
    let mut names = Names::default();
    let given = server.map(|name| ("server".to_owned(), OptionValue::Text(name.to_owned())));
    let given = given.into_iter().collect::<BTreeMap<_, _>>();
    let options = Options::checked("names", names.options(), given).unwrap();
    let facts = ProxyFacts {
        name: "proxy.lab.test".to_owned(),
        upstream: upstream.to_owned(),
        origin: "https://proxy.lab.test".into(),
    };
    names.init(&options, &facts).unwrap();
    Engine::new(Stack::new(vec![Box::new(names)]))
}

/// One caller with an address book session.
struct Book<'a> {
    talk: Talk<'a>,
    caller: SecurityContext,
    handle: ContextHandle,
}

impl<'a> Book<'a> {
    /// A caller of `authority`.
    fn open(engine: &'a Engine, authority: &str) -> Self {
        let caller = testkit::caller(authority);
        let mut talk = Talk::new(engine, &Arc::default());
        let handle = talk.bind(&caller, 9);
        let uuid = Guid::from_le(handle[4..].try_into().unwrap());
        Self { talk, caller, handle: ContextHandle { attributes: 0, uuid } }
    }

    fn relayed(&mut self, interface: Interface, opnum: u16, stub: Vec<u8>) -> (Flight, Vec<u8>) {
        let (flight, stub) = self.talk.relayed(testkit::incoming(&self.caller, (interface, opnum), stub));
        (flight, stub.to_vec())
    }

    fn answered(&mut self, flight: &mut Flight, stub: Vec<u8>) -> Vec<u8> {
        self.talk.answered(flight, stub).to_vec()
    }

    /// What the upstream gets of an address book request.
    fn ask(&mut self, request: &nspi::Request) -> (Flight, nspi::Request) {
        let (flight, stub) = self.relayed(Interface::Nspi, request.opnum(), request.encode().unwrap());
        (flight, nspi::Request::decode(request.opnum(), &stub, Endian::Little).unwrap().0)
    }

    /// What the client gets of an answer to a request of the same operation.
    fn tell(&mut self, response: &nspi::Response) -> (Vec<u8>, nspi::Response) {
        let opnum = response.opnum();
        let mut request = vec![0; 4];
        request.extend(self.handle.uuid.to_le());
        request.extend(request_tail(opnum));
        let (mut flight, _) = self.relayed(Interface::Nspi, opnum, request);
        let stub = self.answered(&mut flight, response.encode().unwrap());
        let decoded = nspi::Response::decode(opnum, &stub, Endian::Little).unwrap().0;
        (stub, decoded)
    }
}

/// Something that the request of an operation with rows may be behind its handle.
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

/// A row that names the server in every way in which a row can.
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

/// Every operation that returns rows, with as many rows as it can have.
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

/// Whether `name` stands in `bytes`, as 8-bit text or UTF-16, in any case.
fn holds(bytes: &[u8], name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let wide: Vec<u8> = name.bytes().flat_map(|byte| [byte, 0]).collect();
    let bytes = bytes.to_ascii_lowercase();
    let find = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    find(name.as_bytes()) || find(&wide)
}

#[test]
fn no_row_of_any_operation_names_the_server() {
    let engine = engine("exch.lab.test", None);
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
                assert_eq!(count, Some(1), "only our own binding is left");
            }
        });
    }
}

#[test]
fn what_the_client_sends_back_means_the_server_again() {
    let engine = engine("exch.lab.test", None);
    let mut book = Book::open(&engine, "a");
    book.tell(&answers()[0]);
    let ours = DATABASE.replace("EXCH1", "PROXY");
    let handle = book.handle;

    let names = Counted(vec![Ptr::new(CharString::new(&ours))]);
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
    for value in [wide(PropTag::PidTagEmailAddress, &ours), narrow(PropTag::PidTagEmailAddress, &ours)] {
        let inner = Restriction::new(content(value));
        let not = Restriction::new(RestrictionUnion::Not(Ptr::new(Box::new(inner))));
        let (_, got) = book.ask(&get_matches(handle, Some(not)));
        let stub = got.encode().unwrap();
        assert!(holds(&stub, "EXCH1") && !holds(&stub, "PROXY"), "{got:?}");
    }

    let names = Counted(vec![Ptr::new(WcharString::new(&ours))]);
    let prop_tags = Ptr::NULL;
    let resolve = nspi::ResolveNamesWRequest { handle, reserved: 0, stat: Stat::default(), prop_tags, names };
    let (_, got) = book.ask(&nspi::Request::ResolveNamesW(resolve));
    assert!(holds(&got.encode().unwrap(), "EXCH1"));
}

#[test]
fn two_servers_keep_apart_and_two_callers_keep_their_own_names() {
    let engine = engine("10.0.0.1", None);
    let mut alice = Book::open(&engine, "a");
    let mut bob = Book::open(&engine, "b");
    let rows = |dn: &str| {
        let rows = Ptr::new(Counted(vec![PropertyRow::new(vec![wide(PropTag::PidTagEmailAddress, dn)])]));
        nspi::Response::QueryRows(nspi::QueryRowsResponse {
            stat: Stat::default(),
            rows,
            return_value: ErrorCode::SUCCESS,
        })
    };
    let (first, _) = alice.tell(&rows(DATABASE));
    let (second, _) = alice.tell(&rows(OTHER));
    assert!(holds(&first, "/cn=PROXY/") && holds(&second, "/cn=PROXY-2/"));
    // Bob saw the other server first: for him it is the one that our name stands for.
    let (his, _) = bob.tell(&rows(OTHER));
    assert!(holds(&his, "/cn=PROXY/"));

    let dn_to_mid = |handle, name: &str| {
        let names = Counted(vec![Ptr::new(CharString::new(DATABASE.replace("EXCH1", name)))]);
        nspi::Request::DNToMId(nspi::DNToMIdRequest { handle, reserved: 0, names })
    };
    let sent = |book: &mut Book<'_>, name| {
        let request = dn_to_mid(book.handle, name);
        book.ask(&request).1.encode().unwrap()
    };
    assert!(holds(&sent(&mut alice, "PROXY"), "EXCH1"));
    assert!(holds(&sent(&mut alice, "PROXY-2"), "EXCH2"));
    assert!(holds(&sent(&mut bob, "PROXY"), "EXCH2"));
    assert!(holds(&sent(&mut bob, "PROXY-2"), "PROXY-2"), "he never saw a second server");
}

#[test]
fn the_map_lives_as_long_as_the_session() {
    let engine = engine("exch.lab.test", None);
    let mut book = Book::open(&engine, "a");
    book.tell(&answers()[0]);
    let connect = |book: &mut Book<'_>| {
        let request = emsmdb::EcDoConnectRequest {
            user_dn: CharString::new(DATABASE.replace("EXCH1", "PROXY")),
            flags: 0,
            connection_mod: 0,
            limit: 0,
            code_page: 1252,
            lcid_string: 1033,
            lcid_sort: 1033,
            icxr_link: u32::MAX,
            can_convert_code_pages: 1,
            client_version: emsmdb::Version([11, 0, 0]),
            time_stamp: 0,
        };
        let stub = emsmdb::Request::EcDoConnect(request).encode().unwrap();
        let (flight, sent) = book.relayed(Interface::Emsmdb, 0, stub);
        // The client vanishes before there is an answer.
        book.talk.engine.give_up(&book.talk.conversation, &flight);
        sent
    };
    assert!(holds(&connect(&mut book), "/cn=EXCH1/"), "learned in the address book");
    engine.end(&mut book.talk.conversation, true);
    let mut later = Book::open(&engine, "a");
    assert!(holds(&connect(&mut later), "/cn=EXCH/"), "the upstream's own name is what is left to go by");
}

/// Whether the server's name is known from what it said before; otherwise the upstream's own is what is left.
fn knows(book: &mut Book<'_>) -> bool {
    let names = Counted(vec![Ptr::new(CharString::new(DATABASE.replace("EXCH1", "PROXY")))]);
    let request = nspi::Request::DNToMId(nspi::DNToMIdRequest { handle: book.handle, reserved: 0, names });
    holds(&book.ask(&request).1.encode().unwrap(), "/cn=EXCH1/")
}

#[test]
fn what_a_caller_knows_is_there_until_the_last_of_its_sessions_ends() {
    let engine = engine("exch.lab.test", None);
    let [mut first, mut second] = [Book::open(&engine, "a"), Book::open(&engine, "a")];
    first.tell(&answers()[0]);
    assert!(knows(&mut second));
    engine.end(&mut first.talk.conversation, true);
    let mut third = Book::open(&engine, "a");
    assert!(knows(&mut third), "the second still has it");
    engine.end(&mut second.talk.conversation, true);
    engine.end(&mut third.talk.conversation, true);
    assert!(!knows(&mut Book::open(&engine, "a")));
}

#[test]
fn sessions_that_begin_while_others_end_leave_nothing_behind() {
    let engine = engine("exch.lab.test", None);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let mut book = Book::open(&engine, "a");
                    book.tell(&answers()[0]);
                    assert!(knows(&mut book), "nobody takes it away before the session ends");
                    engine.end(&mut book.talk.conversation, true);
                }
            });
        }
    });
    assert!(!knows(&mut Book::open(&engine, "a")));
}

#[test]
fn auxiliary_blocks_that_name_the_server_are_taken_out() {
    let engine = engine("exch.lab.test", None);
    let mut book = Book::open(&engine, "a");
    let kept: AuxBody = ExOrgInfo { org_flags: OrgFlags::default() }.into();
    let naming: AuxBody = ServerSessionInfo::new("Server=EXCH1.lab.test").into();
    let one = AuxVersion::AUX_VERSION_1;
    let blocks = vec![
        AuxBlock::new(one, AuxType::AUX_TYPE_EXORGINFO, kept.clone()),
        AuxBlock::new(one, AuxType::AUX_SERVER_SESSION_INFO, naming),
    ];
    let aux = AuxBuffer::new(blocks).to_bytes().unwrap();
    let unreadable = b"EXCH1 in no form that anybody knows".to_vec();
    let whole = ExtendedBuffer::plain(aux).to_bytes().unwrap();
    for (aux_out, left) in [(whole, Some(kept)), (unreadable, None)] {
        let response = emsmdb::EcDoConnectExResponse {
            handle: ContextHandle { attributes: 0, uuid: wire::Guid::from_le([3; 16]) },
            polls_max: 0,
            retry: 0,
            retry_delay: 0,
            icxr: 0,
            dn_prefix: Ptr::NULL,
            display_name: Ptr::NULL,
            server_version: emsmdb::Version([8, 0, 0]),
            best_version: emsmdb::Version([8, 0, 0]),
            time_stamp: 0,
            aux_out: emsmdb::OutBytes::new(aux_out.clone()),
            return_value: ErrorCode::SUCCESS,
        };
        let (mut flight, _) = book.relayed(Interface::Emsmdb, 10, connect_ex());
        let stub = emsmdb::Response::EcDoConnectEx(response).encode().unwrap();
        assert!(holds(&stub, "EXCH1"));
        let got = book.answered(&mut flight, stub);
        assert!(!holds(&got, "EXCH1"));
        let handle = got[4..20].to_vec();
        check_left(&emsmdb::Response::decode(10, &got, Endian::Little).unwrap().0, left.as_ref());

        // The same in the answer to EcDoRpcExt2 on that session.
        let request = emsmdb::EcDoRpcExt2Request {
            handle: ContextHandle { attributes: 0, uuid: wire::Guid::from_le(handle.try_into().unwrap()) },
            flags: emsmdb::RpcFlags::default(),
            rgb_in: emsmdb::InBytes::default(),
            out_max: 0x8000,
            aux_in: emsmdb::InBytes::default(),
            aux_out_max: 0x1008,
        };
        let request = emsmdb::Request::EcDoRpcExt2(request).encode().unwrap();
        let answer = |aux_out: Vec<u8>| emsmdb::EcDoRpcExt2Response {
            handle: ContextHandle { attributes: 0, uuid: wire::Guid::from_le([3; 16]) },
            flags: emsmdb::RpcFlags::default(),
            rgb_out: emsmdb::OutBytes::new(vec![1, 2, 3]),
            aux_out: emsmdb::OutBytes::new(aux_out),
            trans_time: 0,
            return_value: ErrorCode::SUCCESS,
        };
        let (mut flight, _) = book.relayed(Interface::Emsmdb, 11, request.clone());
        let stub = emsmdb::Response::EcDoRpcExt2(answer(aux_out)).encode().unwrap();
        let got = book.answered(&mut flight, stub);
        assert!(!holds(&got, "EXCH1"));
        check_left(&emsmdb::Response::decode(11, &got, Endian::Little).unwrap().0, left.as_ref());

        // An answer without such a buffer passes as it is.
        let (mut flight, _) = book.relayed(Interface::Emsmdb, 11, request);
        let stub = emsmdb::Response::EcDoRpcExt2(answer(Vec::new())).encode().unwrap();
        let got = book.answered(&mut flight, stub.clone());
        assert_eq!(got[20..], stub[20..]);
        assert!(flight.operation.notes().is_empty());
    }
}

fn connect_ex() -> Vec<u8> {
    let request = emsmdb::EcDoConnectExRequest {
        user_dn: CharString::new("/o=O/ou=G/cn=Recipients/cn=alice"),
        flags: 0,
        connection_mod: 0,
        limit: 0,
        code_page: 1252,
        lcid_string: 1033,
        lcid_sort: 1033,
        icxr_link: u32::MAX,
        can_convert_code_pages: 1,
        client_version: emsmdb::Version([12, 0, 0]),
        time_stamp: 0,
        aux_in: emsmdb::InBytes::default(),
        aux_out_max: 0x1008,
    };
    emsmdb::Request::EcDoConnectEx(request).encode().unwrap()
}

/// Only `left` stands in the auxiliary buffer.
fn check_left(response: &emsmdb::Response, left: Option<&AuxBody>) {
    let aux = match response {
        emsmdb::Response::EcDoConnectEx(response) => &response.aux_out,
        emsmdb::Response::EcDoRpcExt2(response) => &response.aux_out,
        other => panic!("{other:?}"),
    };
    let blocks = AuxBuffer::unpack(aux.as_slice()).unwrap().map(|aux| aux.blocks).unwrap_or_default();
    assert_eq!(
        blocks.iter().map(|block| &block.body).collect::<Vec<_>>(),
        left.into_iter().collect::<Vec<_>>()
    );
}

#[test]
fn a_given_server_name_is_what_ours_stands_for() {
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
    let got = book.answered(&mut flight, answer.encode().unwrap());
    assert!(holds(&got, "proxy.lab.test") && !holds(&got, "mail.lab"));
}

#[test]
fn an_answer_that_cannot_be_read_is_not_passed_on() {
    let engine = engine("exch.lab.test", None);
    let mut book = Book::open(&engine, "a");
    let mut request = vec![0; 4];
    request.extend(book.handle.uuid.to_le());
    request.extend(request_tail(3));
    let (mut flight, _) = book.relayed(Interface::Nspi, 3, request);
    let next = book.talk.answer(&mut flight, b"EXCH1".as_slice());
    assert!(matches!(next, Next::Fault { .. }), "{next:?}");
}
