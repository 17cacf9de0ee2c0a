//! FastTransfer streams through the engine: modules read their parts, however the streams are split.

use std::sync::{Arc, Mutex};

use engine::objects::{FastTransfer, FastTransferKind, ObjectKind, TransferPart};
use engine::rops::{RopDecision, RopResponseView, RopView};
use engine::{Engine, Interests, Module, Operation, Refusal, Session, Stack};
use mapi::data::{FolderId, MessageId};
use mapi::emsmdb::NO_OBJECT;
use mapi::fast_transfer::{Marker, Property, Token, Value};
use mapi::property::{PropTag, PropertyValue};
use mapi::rop::fast_transfer::{
    DestinationCopyFlags, FolderCopyFlags, RopFastTransferDestinationConfigureRequest,
    RopFastTransferDestinationPutBufferRequest, RopFastTransferDestinationPutBufferResponse,
    RopFastTransferSourceCopyFolderRequest, RopFastTransferSourceGetBufferRequest,
    RopFastTransferSourceGetBufferResponse, SendOptions, SourceOperation, TransferContent, TransferStatus,
};
use mapi::rop::folder::{OpenModeFlags, RopOpenFolderRequest, RopOpenFolderResponse};
use mapi::rop::message::{RopCreateMessageRequest, RopCreateMessageResponse};
use mapi::rop::shared::Sized16;
use mapi::rop::stream::SizeOrSentinel;
use mapi::rop::sync::{
    RopSynchronizationConfigureRequest, RopSynchronizationUploadStateStreamBeginRequest,
    RopSynchronizationUploadStateStreamContinueRequest, SynchronizationExtraFlags, SynchronizationFlags,
    SynchronizationType,
};
use mapi::rop::{Bool, Bytes16, Bytes32, Empty, List16, OutputHandleIndex, RequestBody, ResponseBody, RopId};
use testkit::{Mailbox, batch, replies};
use wire::Writer;

const NONE: u32 = NO_OBJECT;

type Log = Arc<Mutex<Vec<String>>>;

/// Logs the parts of streams.
struct Reader {
    log: Log,
    reads: bool,
}

impl Module for Reader {
    fn name(&self) -> &'static str {
        "reader"
    }

    fn description(&self) -> &'static str {
        "reads streams as they pass"
    }

    fn interests(&self) -> Interests {
        Interests { rops: true, content: self.reads, ..Interests::default() }
    }

    fn rop_request(&self, rop: &mut RopView<'_>, _session: &mut Session) -> RopDecision {
        let mut log = self.log.lock().unwrap();
        log.extend(rop.transferred().iter().map(|part| format!("> {}", response(part))));
        if rop.request().id() == RopId::RopSaveChangesMessage {
            let properties = rop.properties().unwrap();
            log.push(format!("save {:?}", properties.get(0x0037).and_then(PropertyValue::to_text)));
        }
        RopDecision::Forward
    }

    fn rop_response(&self, rop: &mut RopResponseView<'_>, _session: &mut Session) {
        let mut log = self.log.lock().unwrap();
        log.extend(rop.transferred().iter().map(|part| format!("< {}", response(part))));
        if let Some(ObjectKind::FastTransfer(transfer)) = rop.object().map(|object| &object.kind) {
            log.push(format!("{} at {:?}", transfer.stream.bytes, transfer.stream.path()));
        }
    }

    fn response(&self, _operation: &mut Operation, session: &mut Session) -> Result<(), Refusal> {
        self.log.lock().unwrap().push(format!("held {}", session.objects().content_bytes()));
        Ok(())
    }
}

fn response(part: &TransferPart) -> String {
    match part {
        TransferPart::Marker(marker) => format!("{marker:?}"),
        TransferPart::Property(property) => match property.text() {
            Some(text) => format!("{}={text}", property.info),
            None => format!("{}={}", property.info, property.value),
        },
        TransferPart::Large { info, length } => format!("{info} of {length} bytes"),
        TransferPart::Piece { bytes, is_last } => format!("{} bytes, last: {is_last}", bytes.len()),
    }
}

fn reader(reads: bool) -> (Engine, Log) {
    let log = Log::default();
    let module = Reader { log: Arc::clone(&log), reads };
    (Engine::new(Stack::new(vec![Box::new(module)])), log)
}

fn seen(log: &Log) -> Vec<String> {
    std::mem::take(&mut *log.lock().unwrap())
}

fn text(tag: u32, text: &str) -> Property<'static> {
    let bytes: Vec<u8> = format!("{text}\0").encode_utf16().flat_map(u16::to_le_bytes).collect();
    Property::new(PropTag(tag), Value::Bytes(bytes.into()))
}

fn stream(tokens: &[Token<'_>]) -> Vec<u8> {
    let mut w = Writer::new();
    for token in tokens {
        token.write(&mut w).unwrap();
    }
    w.into_vec()
}

/// A folder with a message that has an attachment.
fn folder_stream() -> Vec<u8> {
    let data = vec![7; 70_000];
    let attached = Property::new(PropTag(0x3701_0102), Value::Bytes(data.into()));
    stream(&[
        Token::Marker(Marker::StartTopFld),
        Token::Property(text(0x3001_001F, "Inbox")),
        Token::Marker(Marker::StartMessage),
        Token::Property(text(0x0037_001F, "Hello")),
        Token::Marker(Marker::NewAttach),
        Token::Property(attached),
        Token::Marker(Marker::EndAttach),
        Token::Marker(Marker::EndMessage),
        Token::Marker(Marker::EndFolder),
    ])
}

fn open_folder(slot: u8) -> RequestBody {
    RequestBody::RopOpenFolder(RopOpenFolderRequest {
        output_handle_index: OutputHandleIndex(slot),
        folder_id: FolderId(9),
        open_mode_flags: OpenModeFlags::NONE,
    })
}

fn opened() -> ResponseBody {
    let response = RopOpenFolderResponse { has_rules: Bool::FALSE, is_ghosted: Bool::FALSE, servers: None };
    ResponseBody::RopOpenFolder(response)
}

fn get_buffer() -> RequestBody {
    RequestBody::RopFastTransferSourceGetBuffer(RopFastTransferSourceGetBufferRequest {
        buffer_size: SizeOrSentinel(30_000),
        maximum_buffer_size: None,
    })
}

fn got(part: &[u8], transfer_status: TransferStatus) -> ResponseBody {
    ResponseBody::RopFastTransferSourceGetBuffer(RopFastTransferSourceGetBufferResponse {
        transfer_status,
        in_progress_count: 0,
        total_step_count: 0,
        reserved: 0,
        content: TransferContent::Buffer(part.to_vec()),
    })
}

/// Opens a folder in slot 1 as handle 6, and a download of it in slot 2 as handle 7.
fn download(mailbox: &mut Mailbox<'_>) {
    let copy = RequestBody::RopFastTransferSourceCopyFolder(RopFastTransferSourceCopyFolderRequest {
        output_handle_index: OutputHandleIndex(2),
        copy_flags: FolderCopyFlags::NONE,
        send_options: SendOptions::UNICODE,
    });
    let sent = batch(vec![(0, 0, open_folder(1)), (0, 1, copy)], &[5, NONE, NONE]);
    let (mut flight, _) = mailbox.relayed(&sent);
    let copying = ResponseBody::RopFastTransferSourceCopyFolder(Empty);
    mailbox.delivered(&mut flight, &[replies(vec![(1, opened()), (2, copying)], &[5, 6, 7])]);
}

fn get(mailbox: &mut Mailbox<'_>, part: &[u8], status: TransferStatus) {
    let (mut flight, _) = mailbox.relayed(&batch(vec![(0, 0, get_buffer())], &[7]));
    let response = replies(vec![(0, got(part, status))], &[7]);
    assert_eq!(mailbox.delivered(&mut flight, std::slice::from_ref(&response)), response);
}

#[test]
fn a_download_is_decoded_however_it_is_split() {
    let whole = folder_stream();
    for size in [30_000, 1001] {
        let (engine, log) = reader(true);
        let mut mailbox = Mailbox::open(&engine, "a");
        download(&mut mailbox);
        seen(&log);
        let mut parts: Vec<String> = Vec::new();
        let mut last = String::new();
        for part in whole.chunks(size) {
            get(&mut mailbox, part, TransferStatus::PARTIAL);
            let said = seen(&log);
            assert!(said.iter().all(|line| !line.starts_with('>')), "nothing is uploaded: {said:?}");
            let held: usize = said.last().unwrap().strip_prefix("held ").unwrap().parse().unwrap();
            assert!(held < size, "{held} bytes are held, though only tokens should be");
            last.clone_from(&said[said.len() - 2]);
            parts.extend(said.into_iter().filter(|line| line.starts_with('<')));
        }
        let pieces = parts.iter().filter(|part| part.contains("last: false")).count();
        assert!(pieces >= 70_000 / size - 1, "{pieces} pieces");
        parts.retain(|part| !part.contains("last"));
        let expected = [
            "< StartTopFld",
            "< PidTagDisplayName_W=Inbox",
            "< StartMessage",
            "< PidTagSubject_W=Hello",
            "< NewAttach",
            "< PidTagAttachDataBinary of 70000 bytes",
            "< EndAttach",
            "< EndMessage",
            "< EndFolder",
        ];
        assert_eq!(parts, expected);
        assert_eq!(last, format!("{} at []", whole.len()));
    }
}

#[test]
fn a_malformed_stream_is_forwarded_and_not_decoded_further() {
    let (engine, log) = reader(true);
    let mut mailbox = Mailbox::open(&engine, "a");
    download(&mut mailbox);
    seen(&log);
    let mut lying = stream(&[Token::Marker(Marker::StartMessage), Token::Marker(Marker::EndFolder)]);
    lying.extend_from_slice(&folder_stream()[..200]);
    get(&mut mailbox, &lying, TransferStatus::PARTIAL);
    get(&mut mailbox, &folder_stream()[..200], TransferStatus::DONE);
    let expected = ["< StartMessage", "208 at [StartMessage]", "held 0", "408 at [StartMessage]", "held 0"];
    assert_eq!(seen(&log), expected);
}

#[test]
fn no_stream_is_decoded_if_no_module_reads_content() {
    let (engine, log) = reader(false);
    let mut mailbox = Mailbox::open(&engine, "a");
    download(&mut mailbox);
    seen(&log);
    get(&mut mailbox, &folder_stream()[..1000], TransferStatus::PARTIAL);
    assert_eq!(seen(&log), ["1000 at []", "held 0"]);
}

fn put(part: &[u8]) -> RequestBody {
    RequestBody::RopFastTransferDestinationPutBuffer(RopFastTransferDestinationPutBufferRequest {
        transfer_data: Bytes16(part.to_vec().into()),
    })
}

fn took(used: usize) -> ResponseBody {
    ResponseBody::RopFastTransferDestinationPutBuffer(RopFastTransferDestinationPutBufferResponse {
        transfer_status: TransferStatus::PARTIAL,
        in_progress_count: 0,
        total_step_count: 0,
        reserved: 0,
        buffer_used_size: u16::try_from(used).unwrap(),
    })
}

#[test]
fn an_upload_is_decoded_before_it_is_forwarded_and_its_properties_are_tracked() {
    let whole = stream(&[
        Token::Property(text(0x0037_001F, "Up")),
        Token::Marker(Marker::StartRecip),
        Token::Property(text(0x3001_001F, "Bob")),
        Token::Marker(Marker::EndToRecip),
    ]);
    let (engine, log) = reader(true);
    let mut mailbox = Mailbox::open(&engine, "a");
    let create = RequestBody::RopCreateMessage(RopCreateMessageRequest {
        output_handle_index: OutputHandleIndex(1),
        code_page_id: 1252,
        folder_id: FolderId(9),
        associated_flag: Bool::FALSE,
    });
    let configure =
        RequestBody::RopFastTransferDestinationConfigure(RopFastTransferDestinationConfigureRequest {
            output_handle_index: OutputHandleIndex(2),
            source_operation: SourceOperation(1),
            copy_flags: DestinationCopyFlags::NONE,
        });
    // The batch that begins the upload has two parts. The server accepts only some bytes of the second one, and the
    // client sends the rest again.
    let (first, second, taken) = (&whole[..5], &whole[5..30], 20);
    let sent = vec![(0, 0, create), (0, 1, configure), (0, 2, put(first)), (0, 2, put(second))];
    let (mut flight, _) = mailbox.relayed(&batch(sent, &[5, NONE, NONE]));
    assert_eq!(seen(&log)[1..], ["> PidTagSubject_W=Up", "> StartRecip"]);
    let made = RopCreateMessageResponse { has_message_id: Bool::FALSE, message_id: None };
    let response = vec![
        (1, ResponseBody::RopCreateMessage(made)),
        (2, ResponseBody::RopFastTransferDestinationConfigure(Empty)),
        (2, took(first.len())),
        (2, took(taken)),
    ];
    mailbox.delivered(&mut flight, &[replies(response, &[5, 6, 7])]);
    let said = seen(&log);
    assert_eq!(said[..3], ["5 at []", "< PidTagSubject_W=Up", "< StartRecip"]);
    assert_eq!(said[3], "25 at [StartRecip]");
    let rest = &whole[first.len() + taken..];
    let save = RequestBody::RopSaveChangesMessage(mapi::rop::message::RopSaveChangesMessageRequest {
        input_handle_index: mapi::rop::InputHandleIndex(0),
        save_flags: mapi::rop::message::SaveFlags(0),
    });
    let (mut flight, _) = mailbox.relayed(&batch(vec![(0, 1, put(rest)), (0, 0, save)], &[6, 7]));
    assert_eq!(seen(&log), ["> PidTagDisplayName_W=Bob", "> EndToRecip", "save Some(\"Up\")"]);
    let saved = mapi::rop::message::RopSaveChangesMessageResponse {
        input_handle_index: mapi::rop::InputHandleIndex(0),
        message_id: MessageId(3),
    };
    let response = vec![(1, took(rest.len())), (0, ResponseBody::RopSaveChangesMessage(saved))];
    mailbox.delivered(&mut flight, &[replies(response, &[6, 7])]);
    assert_eq!(seen(&log)[..2], ["< PidTagDisplayName_W=Bob", "< EndToRecip"]);
}

/// Keeps a copy of the context on which the last ROP acted.
#[derive(Default)]
struct Keeper(Arc<Mutex<Option<FastTransfer>>>);

impl Module for Keeper {
    fn name(&self) -> &'static str {
        "keeper"
    }

    fn description(&self) -> &'static str {
        "keeps what it sees"
    }

    fn interests(&self) -> Interests {
        Interests { rops: true, content: true, ..Interests::default() }
    }

    fn rop_response(&self, rop: &mut RopResponseView<'_>, _session: &mut Session) {
        if let Some(ObjectKind::FastTransfer(transfer)) = rop.object().map(|object| &object.kind) {
            *self.0.lock().unwrap() = Some((**transfer).clone());
        }
    }
}

#[test]
fn the_folder_kind_and_state_of_a_synchronization_are_tracked() {
    let keeper = Keeper::default();
    let kept = Arc::clone(&keeper.0);
    let engine = Engine::new(Stack::new(vec![Box::new(keeper)]));
    let mut mailbox = Mailbox::open(&engine, "a");
    let configure = RequestBody::RopSynchronizationConfigure(Box::new(RopSynchronizationConfigureRequest {
        output_handle_index: OutputHandleIndex(2),
        synchronization_type: SynchronizationType::CONTENTS,
        send_options: SendOptions::UNICODE,
        synchronization_flags: SynchronizationFlags::default(),
        restriction_data: Sized16 { value: None, trailing: Vec::new() },
        synchronization_extra_flags: SynchronizationExtraFlags::default(),
        property_tags: List16(Vec::new()),
    }));
    let state = PropTag::MetaTagCnsetSeen;
    let begin = RequestBody::RopSynchronizationUploadStateStreamBegin(
        RopSynchronizationUploadStateStreamBeginRequest { state_property: state, transfer_buffer_size: 5 },
    );
    let more = |bytes: &[u8]| {
        RequestBody::RopSynchronizationUploadStateStreamContinue(
            RopSynchronizationUploadStateStreamContinueRequest {
                stream_data: Bytes32(bytes.to_vec().into()),
            },
        )
    };
    let end = RequestBody::RopSynchronizationUploadStateStreamEnd(Empty);
    let sent = vec![
        (0, 0, open_folder(1)),
        (0, 1, configure),
        (0, 2, begin),
        (0, 2, more(b"abc")),
        (0, 2, more(b"de")),
        (0, 2, end),
    ];
    let (mut flight, _) = mailbox.relayed(&batch(sent, &[5, NONE, NONE]));
    let continued = ResponseBody::RopSynchronizationUploadStateStreamContinue(Empty);
    let response = vec![
        (1, opened()),
        (2, ResponseBody::RopSynchronizationConfigure(Empty)),
        (2, ResponseBody::RopSynchronizationUploadStateStreamBegin(Empty)),
        (2, continued.clone()),
        (2, continued),
        (2, ResponseBody::RopSynchronizationUploadStateStreamEnd(Empty)),
    ];
    mailbox.delivered(&mut flight, &[replies(response, &[5, 6, 7])]);
    let kept = kept.lock().unwrap().take().unwrap();
    assert_eq!(kept.kind, FastTransferKind::SynchronizationDownload { contents: true });
    assert_eq!(kept.folder, Some(FolderId(9)));
    let [state_kept] = &kept.state[..] else { panic!("{:?}", kept.state) };
    assert_eq!((state_kept.property, state_kept.length, state_kept.is_whole), (state, 5, true));
    assert_eq!(state_kept.content.bytes(), b"abcde");
}
