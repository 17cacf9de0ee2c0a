//! The examples of [MS-OXCRPC] 4.1 and [MS-OXNSPI] 4 (as in [MS-NSPI] 4). They list parameter values,
//! which were encoded here by hand according to the IDL and NDR.

use mapi::emsmdb::{self, InBytes, Version};
use mapi::ndr::{CharString, ContextHandle, Ptr};
use mapi::nspi::{self, Stat};
use mapi::{ErrorCode, property::PropTag};
use wire::{Endian, Guid};

fn unhex(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap()).collect()
}

/// A context handle, "a token" in the examples.
const TOKEN: &str = "00000000 33221100 5544 7766 8899aabbccddeeff";

fn token() -> ContextHandle {
    let uuid = unhex("33221100 5544 7766 8899aabbccddeeff");
    ContextHandle { attributes: 0, uuid: Guid::from_le(uuid.try_into().unwrap()) }
}

/// `pStat` of the examples, in which mainly the code page and the locales are set.
fn stat() -> Stat {
    Stat { code_page: 0x4e4, template_locale: 0x409, sort_locale: 0x409, ..Stat::default() }
}

const STAT: &str = "00000000 00000000 00000000 00000000 00000000 00000000 e4040000 09040000 09040000";

#[track_caller]
fn nspi_request(request: &nspi::Request, stub: &str) {
    let stub = unhex(stub);
    assert_eq!(request.encode().unwrap(), stub);
    let decoded = nspi::Request::decode(request.opnum(), &stub, Endian::Little).unwrap();
    assert_eq!(decoded, (request.clone(), &[][..]));
}

#[track_caller]
fn nspi_response(response: &nspi::Response, stub: &str) {
    let stub = unhex(stub);
    assert_eq!(response.encode().unwrap(), stub);
    let decoded = nspi::Response::decode(response.opnum(), &stub, Endian::Little).unwrap();
    assert_eq!(decoded, (response.clone(), &[][..]));
}

#[test]
fn a_client_connects_to_the_server() {
    let user_dn = "/o=First Organization/ou=First Administrative Group/CN=recipients/CN=janedow";
    let request = emsmdb::Request::EcDoConnectEx(emsmdb::EcDoConnectExRequest {
        user_dn: CharString::new(user_dn),
        flags: 0,
        connection_mod: 0x0034_0567,
        limit: 0,
        code_page: 0x4e4,
        lcid_string: 0x409,
        lcid_sort: 0x409,
        icxr_link: u32::MAX,
        can_convert_code_pages: 1,
        client_version: Version([0x000c, 0x183e, 0x03e8]),
        time_stamp: 0,
        aux_in: InBytes::default(),
        aux_out_max: 0x1008,
    });
    // szUserDN with its terminator, of 77 characters, and three bytes of padding.
    let mut stub = unhex("4d000000 00000000 4d000000");
    stub.extend(user_dn.bytes().chain([0; 4]));
    stub.extend(unhex(
        "00000000 67053400 00000000 e4040000 09040000 09040000 ffffffff
         0100 0c00 3e18 e803 00000000
         00000000 00000000 08100000",
    ));
    assert_eq!(request.encode().unwrap(), stub);
    assert_eq!(emsmdb::Request::decode(10, &stub, Endian::Little).unwrap(), (request, &[][..]));
}

#[test]
fn a_client_begins_and_ends_with_the_address_book() {
    let guid = "abbc8b86 7933 c448 a1ef1b53e63bdc46";
    let server_guid = |hex: &str| Ptr::new(nspi::FlatUid(unhex(hex).try_into().unwrap()));
    nspi_request(
        &nspi::Request::Bind(nspi::BindRequest {
            flags: 0,
            stat: stat(),
            server_guid: server_guid("00000000000000000000000000000000"),
        }),
        &format!("00000000 {STAT} 00000200 00000000 00000000 00000000 00000000"),
    );
    nspi_response(
        &nspi::Response::Bind(nspi::BindResponse {
            server_guid: server_guid(guid),
            handle: token(),
            return_value: ErrorCode::SUCCESS,
        }),
        &format!("00000200 {guid} {TOKEN} 00000000"),
    );
    nspi_request(
        &nspi::Request::Unbind(nspi::UnbindRequest { handle: token(), reserved: 0 }),
        &format!("{TOKEN} 00000000"),
    );
    // The handle is zeroed, and the return value is 1.
    nspi_response(
        &nspi::Response::Unbind(nspi::UnbindResponse {
            handle: ContextHandle::default(),
            return_value: ErrorCode(1),
        }),
        "00000000 00000000 00000000 00000000 00000000 01000000",
    );
}

#[test]
fn a_client_requests_the_hierarchy_and_rows() {
    nspi_request(
        &nspi::Request::GetSpecialTable(nspi::GetSpecialTableRequest {
            handle: token(),
            flags: 4,
            stat: stat(),
            version: 0,
        }),
        &format!("{TOKEN} 04000000 {STAT} 00000000"),
    );
    let tags = [
        PropTag::PidTagEntryId,
        PropTag::PidTagDisplayName,
        PropTag(0x39fe_001f), // PidTagSmtpAddress
        PropTag(0x3a17_001f), // PidTagTitle
    ];
    nspi_request(
        &nspi::Request::QueryRows(nspi::QueryRowsRequest {
            handle: token(),
            flags: 0,
            stat: Stat { total_recs: u32::MAX, ..stat() },
            table: mapi::ndr::SizedPtr::default(),
            count: 2,
            prop_tags: Ptr::new(nspi::PropertyTagArray::new(tags.to_vec())),
        }),
        &format!(
            "{TOKEN} 00000000
             00000000 00000000 00000000 00000000 00000000 ffffffff e4040000 09040000 09040000
             00000000 00000000 02000000
             00000200 05000000 04000000 00000000 04000000 0201ff0f 1f000130 1f00fe39 1f00173a"
        ),
    );
}
