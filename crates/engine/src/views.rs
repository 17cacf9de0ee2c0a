//! Views of requests and responses that are independent of the envelope, through which modules read and change them.
//!
//! A view is a method of [`Request`] or [`Response`] that handles both the NDR structures of RPC calls and the
//! structures of MAPI over HTTP, so that a module has one `match` arm for each operation.

use mapi::emsmdb::{self, OutBytes, Version};
use mapi::mapihttp::{self as http, AuxiliaryBuffer};
use mapi::ndr::{CharString, Ptr, SizedPtr, WcharString};
use mapi::nspi::{self, MId, Text, TextKind};
use mapi::property::{self, FlaggedValue, PropTag, PropertyList, PropertyRow, TaggedValue};
use mapi::{Interface, rfr};
use wire::Utf16;

use crate::body::{OperationKey, Request, Response};
use crate::message::Message;

/// A callback for texts, with the kind of each.
type VisitText<'f> = &'f mut dyn FnMut(TextKind, Text<'_>);

impl Request {
    /// Calls `visit` for every text that may contain names: in property values, in entry ids, and in the names that
    /// the client looks up or connects with.
    pub fn visit_texts_mut(&mut self, visit: VisitText<'_>) {
        match self {
            Self::Rfr(rfr::Request::GetNewDSA(request)) => {
                visit_string(&mut request.user_dn, TextKind::DistinguishedName, visit);
            }
            Self::Rfr(rfr::Request::GetFQDNFromServerDN(request)) => {
                visit_string(&mut request.mailbox_server_dn, TextKind::DistinguishedName, visit);
            }
            Self::Nspi(request) => request.visit_texts_mut(visit),
            Self::NspiHttp(request) => request.visit_texts_mut(visit),
            Self::Emsmdb(request) => {
                request.visit_names_mut(&mut |name| visit_string(name, TextKind::DistinguishedName, visit));
            }
            Self::EmsmdbHttp(http::emsmdb::Request::Connect(request)) => {
                visit(TextKind::DistinguishedName, Text::Char(&mut request.user_dn.0));
            }
            Self::AsyncEmsmdb(_) | Self::EmsmdbHttp(_) => {}
        }
    }
}

impl Response {
    /// Calls `visit` for every text that may contain names: in property values, in entry ids, in the prefix of
    /// distinguished names that a Connect returns, and in the names and URLs of servers.
    pub fn visit_texts_mut(&mut self, visit: VisitText<'_>) {
        match self {
            Self::Rfr(rfr::Response::GetNewDSA(response)) => {
                if let Some(server) = response.server.get_mut().and_then(Ptr::get_mut) {
                    visit_string(server, TextKind::Host, visit);
                }
            }
            Self::Rfr(rfr::Response::GetFQDNFromServerDN(response)) => {
                if let Some(server) = response.server_fqdn.get_mut() {
                    visit_string(server, TextKind::Host, visit);
                }
            }
            Self::Nspi(response) => response.visit_texts_mut(visit),
            Self::NspiHttp(response) => response.visit_texts_mut(visit),
            Self::Emsmdb(response) => {
                response.visit_names_mut(&mut |name| visit_string(name, TextKind::DistinguishedName, visit));
            }
            Self::EmsmdbHttp(http::emsmdb::Response::Connect(response)) => {
                if let Some(response) = response.get_mut() {
                    visit(TextKind::DistinguishedName, Text::Char(&mut response.dn_prefix.0));
                }
            }
            Self::AsyncEmsmdb(_) | Self::EmsmdbHttp(_) => {}
        }
    }

    /// Calls `visit` for every value of `property` in rows of the address book, whatever its type.
    pub fn visit_property_mut(&mut self, property: PropTag, visit: &mut dyn FnMut(ValueMut<'_>)) {
        match self {
            Self::Nspi(response) => response.visit_values_mut(&mut |value| {
                if value.tag.is_same_property(property) {
                    visit(ValueMut(Form::Ndr(&mut value.value)));
                }
            }),
            Self::NspiHttp(response) => response.visit_values_mut(&mut |tag, value| {
                if tag.is_same_property(property) {
                    visit(ValueMut(Form::Flat(value)));
                }
            }),
            _ => {}
        }
    }

    /// The auxiliary buffer, to be changed. The responses of `EcDoConnectEx` and `EcDoRpcExt2` have one, and all
    /// responses over HTTP except that of `PING`.
    pub const fn aux_mut(&mut self) -> Option<AuxMut<'_>> {
        let aux = match self {
            Self::Emsmdb(emsmdb::Response::EcDoConnectEx(response)) => Aux::Ndr(&mut response.aux_out),
            Self::Emsmdb(emsmdb::Response::EcDoRpcExt2(response)) => Aux::Ndr(&mut response.aux_out),
            Self::NspiHttp(response) => match response.aux_mut() {
                Some(aux) => Aux::Http(aux),
                None => return None,
            },
            Self::EmsmdbHttp(response) => match response.aux_mut() {
                Some(aux) => Aux::Http(aux),
                None => return None,
            },
            _ => return None,
        };
        Some(AuxMut(aux))
    }

    /// The server's version, in the response of `EcDoConnect` and `EcDoConnectEx`. Over HTTP it is in a header field.
    pub const fn server_version_mut(&mut self) -> Option<&mut Version> {
        match self {
            Self::Emsmdb(emsmdb::Response::EcDoConnect(response)) => Some(&mut response.server_version),
            Self::Emsmdb(emsmdb::Response::EcDoConnectEx(response)) => Some(&mut response.server_version),
            _ => None,
        }
    }

    /// The columns in a response of `QueryColumns`.
    pub fn columns(&self) -> Option<&[PropTag]> {
        match self {
            Self::Nspi(nspi::Response::QueryColumns(response)) => Some(&response.columns.get()?.values),
            Self::NspiHttp(http::nspi::Response::QueryColumns(response)) => {
                response.get()?.columns.get().map(Vec::as_slice)
            }
            _ => None,
        }
    }

    /// The Minimal Entry IDs in a response of `DNToMId` or `ResolveNames`.
    pub fn minimal_ids(&self) -> Option<&[MId]> {
        use http::nspi::Response as H;
        use nspi::Response as R;
        match self {
            Self::Nspi(R::DNToMId(response)) => Some(&response.mids.get()?.values),
            Self::Nspi(R::ResolveNamesW(response)) => Some(&response.mids.get()?.values),
            Self::NspiHttp(H::DNToMId(response)) => response.get()?.mids.get().map(Vec::as_slice),
            Self::NspiHttp(H::ResolveNames(response)) => response.get()?.mids.get().map(Vec::as_slice),
            _ => None,
        }
    }

    /// The rows in a response of `QueryRows`, `ResolveNames` or `GetProps`, without the values that are missing or
    /// failed.
    pub fn rows(&self) -> Option<Vec<PropertyList>> {
        use http::nspi::Response as H;
        use nspi::Response as R;
        let ndr = |rows: &nspi::PropertyRowSet| rows.0.iter().map(nspi::PropertyRow::to_row).collect();
        Some(match self {
            Self::Nspi(R::QueryRows(response)) => ndr(response.rows.get()?),
            Self::Nspi(R::ResolveNamesW(response)) => ndr(response.rows.get()?),
            Self::Nspi(R::GetProps(response)) => vec![response.row.get()?.to_row()],
            Self::NspiHttp(H::QueryRows(response)) => flat_rows(response.get()?.rows.get()?),
            Self::NspiHttp(H::ResolveNames(response)) => flat_rows(response.get()?.rows.get()?),
            Self::NspiHttp(H::GetProps(response)) => vec![response.get()?.values.get()?.clone()],
            _ => return None,
        })
    }
}

impl Message<Response> {
    /// Whether the response may have an auxiliary buffer that is not empty. Does not decode the response; `true` if
    /// that would be necessary.
    pub fn may_have_aux(&self) -> bool {
        match self.key() {
            OperationKey::Http(..) | OperationKey::Call(Interface::Emsmdb, 10) => true,
            // In EcDoRpcExt2 only pulTransTime and the return value follow pcbAuxOut ([MS-OXCRPC] 3.1.4.2).
            OperationKey::Call(Interface::Emsmdb, 11) => {
                let stub = self.original();
                let size = stub.len().checked_sub(12).and_then(|at| stub.get(at..)?.first_chunk::<4>());
                size.is_none_or(|size| *size != [0; 4])
            }
            OperationKey::Call(..) => false,
        }
    }
}

/// A property value that may be changed.
#[derive(Debug)]
pub struct ValueMut<'a>(Form<'a>);

#[derive(Debug)]
enum Form<'a> {
    Ndr(&'a mut nspi::Value),
    Flat(&'a mut property::PropertyValue),
}

impl ValueMut<'_> {
    /// Replaces the text, or the list of texts, by `text`. Returns `false` if the value is of another type.
    pub fn set_text(&mut self, text: &str) -> bool {
        match &mut self.0 {
            Form::Ndr(value) => set_ndr_text(value, text),
            Form::Flat(value) => set_flat_text(value, text),
        }
    }
}

/// An auxiliary buffer that may be changed.
#[derive(Debug)]
pub struct AuxMut<'a>(Aux<'a>);

#[derive(Debug)]
enum Aux<'a> {
    Ndr(&'a mut OutBytes),
    Http(&'a mut AuxiliaryBuffer),
}

impl AuxMut<'_> {
    /// An extended buffer with auxiliary blocks ([MS-OXCRPC] 2.2.2), or no bytes.
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Aux::Ndr(aux) => aux.as_slice(),
            Aux::Http(aux) => aux.as_slice(),
        }
    }

    /// Whether the bytes are the end of a failed response, and not a valid auxiliary buffer.
    pub const fn is_opaque(&self) -> bool {
        match &self.0 {
            Aux::Ndr(_) => false,
            Aux::Http(aux) => aux.is_opaque(),
        }
    }

    /// Replaces the bytes by an extended buffer with auxiliary blocks, or by no bytes.
    pub fn set(&mut self, bytes: Vec<u8>) {
        match &mut self.0 {
            Aux::Ndr(aux) => **aux = OutBytes::new(bytes),
            Aux::Http(aux) => **aux = AuxiliaryBuffer::new(bytes),
        }
    }
}

/// Visits a string. An unusual termination is preserved only if the text is unchanged.
fn visit_string(string: &mut CharString, kind: TextKind, visit: VisitText<'_>) {
    let mut text = string.text.clone();
    visit(kind, Text::Char(&mut text));
    if text != string.text {
        string.set(text);
    }
}

fn set_ndr_text(value: &mut nspi::Value, text: &str) -> bool {
    use nspi::Value as V;
    match value {
        V::MultipleString8(list) => *list = SizedPtr::new(vec![Ptr::new(CharString::new(text))]),
        V::MultipleUnicode(list) => *list = SizedPtr::new(vec![Ptr::new(WcharString::new(text))]),
        V::String8(string) => *string = Ptr::new(CharString::new(text)),
        V::Unicode(string) => *string = Ptr::new(WcharString::new(text)),
        _ => return false,
    }
    true
}

fn set_flat_text(value: &mut property::PropertyValue, text: &str) -> bool {
    use property::PropertyValue as V;
    match value {
        V::MultipleString8(list) => *list = vec![text.as_bytes().to_vec()],
        V::MultipleUnicode(list) => *list = vec![Utf16::from(text)],
        V::String8(string) => *string = text.as_bytes().to_vec(),
        V::Unicode(string) => *string = Utf16::from(text),
        V::Typed(typed) => return set_flat_text(&mut typed.value, text),
        V::PartlyAbsent { values, .. } => {
            // The text is present, so the list of absent values is dropped.
            let mut values = (**values).clone();
            if !set_flat_text(&mut values, text) {
                return false;
            }
            *value = values;
        }
        _ => return false,
    }
    true
}

fn flat_rows(table: &http::nspi::ColumnsAndRows) -> Vec<PropertyList> {
    let row = |row: &PropertyRow| {
        let columns = table.columns.iter();
        let tagged =
            |tag: &PropTag, value: &property::PropertyValue| TaggedValue { tag: *tag, value: value.clone() };
        PropertyList(match row {
            PropertyRow::Standard(values) => {
                columns.zip(values).map(|(tag, value)| tagged(tag, value)).collect()
            }
            PropertyRow::Flagged(values) => {
                let values = columns.zip(values);
                values
                    .filter_map(|(tag, value)| FlaggedValue::value(value).map(|value| tagged(tag, value)))
                    .collect()
            }
        })
    };
    table.rows.iter().map(row).collect()
}
