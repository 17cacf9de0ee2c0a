//! A person who uses mailboxes by ROPs, each in an `EcDoRpcExt2` of its own.

use mapi::ErrorCode;
use mapi::compress::{ExtendedBuffer, Limits, decode_chain, encode_chain};
use mapi::data::FolderId;
use mapi::emsmdb::{EcDoRpcExt2Request, InBytes, NO_OBJECT, Request, Response, RopBuffer, RpcFlags};
use mapi::property::{PropTag, PropertyList, PropertyRow, PropertyValue, TaggedValue};
use mapi::rop::folder::{FolderTableRequest, OpenModeFlags, RopOpenFolderRequest, TableFlags};
use mapi::rop::logon::{LogonFlags, OpenFlags, PrivateLogon, RopLogonRequest, RopLogonResponse};
use mapi::rop::property::{
    Bool16, RopDeletePropertiesRequest, RopGetPropertiesSpecificRequest, RopSetPropertiesRequest,
};
use mapi::rop::shared::Sized16;
use mapi::rop::table::{AsynchronousFlags, QueryRowsFlags, RopQueryRowsRequest, RopSetColumnsRequest};
use mapi::rop::{
    Bool, Bytes16, Empty, List16, OutputHandleIndex, RequestBody, ResponseBody, ResponseContext, RopRequest,
    RopResponse,
};
use rpc::ndr::ContextHandle;
use wire::{Decode as _, Encode as _, Reader};

use super::Caller;
use super::others::{ask, connect_ex};
use crate::LabConfig;

/// The most bytes of a response in these tests.
pub(super) const OUT_MAX: u32 = 0x8007;

/// A person with a session, logged on to a mailbox.
pub(super) struct Mail {
    pub(super) caller: Caller,
    pub(super) session: ContextHandle,
    pub(super) handles: Vec<u32>,
    pub(super) logon: Box<PrivateLogon>,
    /// What followed the responses to the ROPs so far: notifications.
    pub(super) notified: Vec<RopResponse>,
}

/// The place of the logon in the handle table.
pub(super) const LOGON: u8 = 0;

impl Mail {
    /// `user` with a session, logged on to the mailbox of `owner`.
    pub(super) fn open(caller: &Caller, user: &str, owner: &str) -> Result<Self, ErrorCode> {
        let (caller, config) = (caller.by(user), LabConfig::default());
        let request = connect_ex(&config.user_dn(user));
        let Ok(Response::EcDoConnectEx(response)) = ask(&caller, request) else { panic!("no response") };
        assert_eq!(response.return_value, ErrorCode::SUCCESS);
        let logon = Box::new(PrivateLogon {
            logon_flags: LogonFlags::PRIVATE,
            folder_ids: [0; 13],
            response_flags: mapi::rop::logon::ResponseFlags::NONE,
            mailbox_guid: wire::Guid::default(),
            replica_id: 0,
            replica_guid: wire::Guid::default(),
            logon_time: mapi::rop::logon::LogonTime::default(),
            gwart_time: 0,
            store_state: 0,
        });
        let handles = vec![NO_OBJECT; 16];
        let mut mail = Self { caller, session: response.handle, handles, logon, notified: Vec::new() };
        let mut request = RopLogonRequest {
            logon_flags: LogonFlags::PRIVATE,
            open_flags: OpenFlags::NONE,
            store_state: 0,
            essdn: Bytes16::default(),
        };
        request.set_dn(config.user_dn(owner).as_bytes());
        match mail.rop(LOGON, RequestBody::RopLogon(request))? {
            ResponseBody::RopLogon(RopLogonResponse::Private(logon)) => mail.logon = logon,
            other => panic!("{other:?}"),
        }
        Ok(mail)
    }

    pub(super) fn alice() -> Self {
        Self::open(&Caller::new(), "alice", "alice").unwrap()
    }

    /// Executes one ROP on the object at `index` of the handle table.
    pub(super) fn rop(&mut self, index: u8, body: RequestBody) -> Result<ResponseBody, ErrorCode> {
        self.rop_with(index, body, None)
    }

    /// Executes one ROP, whose response has rows of `columns`.
    pub(super) fn rop_with(
        &mut self,
        index: u8,
        body: RequestBody,
        columns: Option<&[PropTag]>,
    ) -> Result<ResponseBody, ErrorCode> {
        let request = RopRequest { logon_id: 0, handle_index: index, body };
        let mut answers = self.send(&request.to_bytes().unwrap(), RpcFlags::NONE, OUT_MAX)?;
        let rops = answers.remove(0);
        let columns = columns.map(Into::into);
        let context = ResponseContext {
            requested: request.requested_properties(),
            columns: columns.as_ref(),
            next: None,
        };
        let mut reader = Reader::new(&rops);
        let response = RopResponse::decode(&mut reader, context).unwrap();
        self.notified.extend(responses(&mut reader));
        match response {
            RopResponse::Reply(reply) if matches!(reply.body, ResponseBody::Failed(_)) => {
                Err(reply.return_value)
            }
            RopResponse::Reply(reply) if reply.return_value.is_success() => Ok(reply.body),
            RopResponse::Reply(reply) => Err(reply.return_value),
            other => panic!("{other:?}"),
        }
    }

    /// Sends no ROP, and returns the notifications since the last call.
    pub(super) fn poll(&mut self) -> Vec<RopResponse> {
        let rops = self.send(&[], RpcFlags::NONE, OUT_MAX).unwrap();
        self.notified.extend(responses(&mut Reader::new(&rops[0])));
        std::mem::take(&mut self.notified)
    }

    /// Sends encoded ROPs, and returns the ROPs of each buffer of the response.
    pub(super) fn send(
        &mut self,
        rops: &[u8],
        flags: RpcFlags,
        out_max: u32,
    ) -> Result<Vec<Vec<u8>>, ErrorCode> {
        let buffer = RopBuffer::new(rops.to_vec(), self.handles.clone());
        let rgb_in = InBytes(encode_chain(&[ExtendedBuffer::plain(buffer.to_bytes().unwrap())]).unwrap());
        let request = Request::EcDoRpcExt2(EcDoRpcExt2Request {
            handle: self.session,
            flags,
            rgb_in,
            out_max,
            aux_in: InBytes::default(),
            aux_out_max: 0,
        });
        let Ok(Response::EcDoRpcExt2(response)) = ask(&self.caller, request) else { panic!("no response") };
        if response.return_value != ErrorCode::SUCCESS {
            return Err(response.return_value);
        }
        assert!(response.rgb_out.as_slice().len() <= usize::try_from(out_max).unwrap());
        let chain = decode_chain(response.rgb_out.as_slice(), Limits::default()).unwrap();
        let buffers: Vec<RopBuffer> =
            chain.iter().map(|buffer| RopBuffer::from_bytes(&buffer.payload).unwrap()).collect();
        self.handles.clone_from(&buffers[0].handles);
        Ok(buffers.into_iter().map(|buffer| buffer.rops.to_vec()).collect())
    }

    /// The id of a special folder, by its place in the response to the logon.
    pub(super) fn special(&self, place: usize) -> FolderId {
        FolderId(self.logon.folder_ids[place])
    }

    /// Opens a folder, whose handle is stored at `output`.
    pub(super) fn open_folder(&mut self, id: FolderId, output: u8) -> Result<(), ErrorCode> {
        let request = RopOpenFolderRequest {
            output_handle_index: OutputHandleIndex(output),
            folder_id: id,
            open_mode_flags: OpenModeFlags::NONE,
        };
        self.rop(LOGON, RequestBody::RopOpenFolder(request)).map(drop)
    }

    pub(super) fn get(&mut self, index: u8, tag: PropTag) -> Result<PropertyValue, ErrorCode> {
        let request = RopGetPropertiesSpecificRequest {
            property_size_limit: 0,
            want_unicode: Bool16(1),
            property_tags: List16(vec![tag]),
        };
        match self.rop(index, RequestBody::RopGetPropertiesSpecific(request))? {
            ResponseBody::RopGetPropertiesSpecific(response) => match response.row_data.error(0) {
                Some(error) => Err(error),
                None => Ok(response.row_data.value(0).unwrap().clone()),
            },
            other => panic!("{other:?}"),
        }
    }

    /// Sets properties, and returns the codes of those that were refused.
    pub(super) fn set(&mut self, index: u8, values: Vec<TaggedValue>) -> Result<Vec<ErrorCode>, ErrorCode> {
        let property_values = Sized16::new(PropertyList(values));
        let request = RopSetPropertiesRequest { property_values };
        match self.rop(index, RequestBody::RopSetProperties(request))? {
            ResponseBody::RopSetProperties(response) => {
                Ok(response.property_problems.0.iter().map(|problem| problem.error_code).collect())
            }
            other => panic!("{other:?}"),
        }
    }

    /// Deletes properties, and returns the codes of those that were refused.
    pub(super) fn delete(&mut self, index: u8, tags: Vec<PropTag>) -> Result<Vec<ErrorCode>, ErrorCode> {
        let request = RopDeletePropertiesRequest { property_tags: List16(tags) };
        match self.rop(index, RequestBody::RopDeleteProperties(request))? {
            ResponseBody::RopDeleteProperties(response) => {
                Ok(response.property_problems.0.iter().map(|problem| problem.error_code).collect())
            }
            other => panic!("{other:?}"),
        }
    }

    /// Opens the table of a folder's messages, or of its subfolders.
    pub(super) fn open_table(&mut self, folder: u8, contents: bool, output: u8) -> Result<u32, ErrorCode> {
        self.open_table_with(folder, contents, output, TableFlags::NONE)
    }

    /// The same, with more flags.
    pub(super) fn open_table_with(
        &mut self,
        folder: u8,
        contents: bool,
        output: u8,
        flags: TableFlags,
    ) -> Result<u32, ErrorCode> {
        let request = FolderTableRequest {
            output_handle_index: OutputHandleIndex(output),
            table_flags: TableFlags::USE_UNICODE | flags,
        };
        let body = if contents {
            RequestBody::RopGetContentsTable(request)
        } else {
            RequestBody::RopGetHierarchyTable(request)
        };
        match self.rop(folder, body)? {
            ResponseBody::RopGetContentsTable(table) | ResponseBody::RopGetHierarchyTable(table) => {
                Ok(table.row_count)
            }
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn set_columns(&mut self, table: u8, columns: &[PropTag]) -> Result<(), ErrorCode> {
        let set_columns_flags = AsynchronousFlags::NONE;
        let request = RopSetColumnsRequest { set_columns_flags, property_tags: List16(columns.to_vec()) };
        self.rop(table, RequestBody::RopSetColumns(request)).map(drop)
    }

    pub(super) fn rows(
        &mut self,
        table: u8,
        columns: &[PropTag],
        count: u16,
    ) -> Result<Vec<PropertyRow>, ErrorCode> {
        let request = RopQueryRowsRequest {
            query_rows_flags: QueryRowsFlags::NONE,
            forward_read: Bool::TRUE,
            row_count: count,
        };
        match self.rop_with(table, RequestBody::RopQueryRows(request), Some(columns))? {
            ResponseBody::RopQueryRows(response) => Ok(response.rows.to_vec()),
            other => panic!("{other:?}"),
        }
    }

    /// The texts of the first column of all rows.
    pub(super) fn texts(&mut self, table: u8, column: PropTag) -> Vec<String> {
        self.set_columns(table, &[column]).unwrap();
        let rows = self.rows(table, &[column], 1000).unwrap();
        rows.iter().map(|row| row.value(0).unwrap().to_text().unwrap()).collect()
    }

    pub(super) fn release(&mut self, index: u8) {
        let release = RopRequest { logon_id: 0, handle_index: index, body: RequestBody::RopRelease(Empty) };
        self.send(&release.to_bytes().unwrap(), RpcFlags::NONE, OUT_MAX).unwrap();
    }
}

/// The rest of a buffer's responses.
pub(super) fn responses(reader: &mut Reader<'_>) -> Vec<RopResponse> {
    let mut responses = Vec::new();
    while !reader.is_empty() {
        responses.push(RopResponse::decode(reader, ResponseContext::default()).unwrap());
    }
    responses
}

/// A property with a text.
pub(super) fn text(tag: PropTag, value: &str) -> TaggedValue {
    TaggedValue::new(tag, PropertyValue::from(value))
}
