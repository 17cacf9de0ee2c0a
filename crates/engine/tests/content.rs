//! Property values and stream bytes of earlier operations, as modules read them, and responses that modules lengthen.

use engine::objects::ObjectKind;
use engine::rops::{RopDecision, RopResponseView, RopView};
use engine::{Engine, Interests, Module, Session, Stack};
use mapi::data::{FolderId, PropertyProblemArray};
use mapi::emsmdb::{NO_OBJECT, RopBuffer};
use mapi::property::{PropTag, PropertyList, PropertyValue, TaggedValue};
use mapi::rop::message::{RopCreateMessageRequest, RopCreateMessageResponse};
use mapi::rop::property::{PropertyProblemsResponse, RopSetPropertiesRequest};
use mapi::rop::shared::Sized16;
use mapi::rop::stream::{
    RopOpenStreamRequest, RopOpenStreamResponse, RopReadStreamRequest, RopReadStreamResponse,
    RopWriteStreamRequest, RopWriteStreamResponse, SizeOrSentinel, StreamOpenModeFlags,
};
use mapi::rop::transport::{RopSubmitMessageRequest, SubmitFlags};
use mapi::rop::{Bool, Bytes16, Empty, OutputHandleIndex, RequestBody, ResponseBody, RopId};
use std::sync::{Arc, Mutex};
use testkit::{Mailbox, Sent, Step};

/// Reads property values and stream bytes of earlier operations.
#[derive(Default)]
struct Curious {
    seen: Arc<Mutex<Vec<String>>>,
}

impl Module for Curious {
    fn name(&self) -> &'static str {
        "curious"
    }

    fn description(&self) -> &'static str {
        "reads on"
    }

    fn interests(&self) -> Interests {
        Interests { rops: true, content: true, ..Interests::default() }
    }

    fn rop_request(&self, rop: &mut RopView<'_>, _session: &mut Session) -> RopDecision {
        let response = match rop.request().id() {
            RopId::RopSubmitMessage => {
                let properties = rop.properties().unwrap();
                let subject = properties.get(0x0037).and_then(PropertyValue::to_text);
                format!("submit {subject:?}, {} properties", properties.len())
            }
            RopId::RopCommitStream => match rop.object().map(|object| &object.kind) {
                Some(ObjectKind::Stream(stream)) => {
                    format!("commit {:?}", String::from_utf8_lossy(stream.content.bytes()))
                }
                other => format!("{other:?}"),
            },
            _ => return RopDecision::Forward,
        };
        self.seen.lock().unwrap().push(response);
        RopDecision::Forward
    }
}

fn batch_of(rops: &[(u8, RequestBody)], handles: &[u32]) -> RopBuffer {
    testkit::batch(rops.iter().map(|(index, body)| (0, *index, body.clone())).collect(), handles)
}

fn answers(replies: &[(u8, ResponseBody)], handles: &[u32]) -> RopBuffer {
    testkit::replies(replies.to_vec(), handles)
}

fn set(tag: u32, text: &str) -> RequestBody {
    let value = TaggedValue::new(PropTag(tag), PropertyValue::from(text));
    let property_values = Sized16 { value: Some(Box::new(PropertyList(vec![value]))), trailing: Vec::new() };
    RequestBody::RopSetProperties(RopSetPropertiesRequest { property_values })
}

fn no_problems() -> ResponseBody {
    ResponseBody::RopSetProperties(PropertyProblemsResponse {
        property_problems: PropertyProblemArray(Vec::new()),
    })
}

#[test]
fn a_module_reads_what_was_written_before_and_nothing_is_kept_after_release() {
    let curious = Curious::default();
    let seen = Arc::clone(&curious.seen);
    let engine = Engine::new(Stack::new(vec![Box::new(curious)]));
    let mut mailbox = Mailbox::open(&engine, "a");

    // A folder has the handle 5. One operation creates a message, and another one sets a property.
    let create = RequestBody::RopCreateMessage(RopCreateMessageRequest {
        output_handle_index: OutputHandleIndex(1),
        code_page_id: 1252,
        folder_id: FolderId(9),
        associated_flag: Bool::FALSE,
    });
    let (mut flight, _) = mailbox.relayed(&batch_of(&[(0, create)], &[5, NO_OBJECT]));
    let made = ResponseBody::RopCreateMessage(RopCreateMessageResponse {
        has_message_id: Bool::FALSE,
        message_id: None,
    });
    mailbox.delivered(&mut flight, &[answers(&[(1, made)], &[5, 6])]);
    let (mut flight, _) = mailbox.relayed(&batch_of(&[(0, set(0x0037_001F, "first"))], &[6]));
    mailbox.delivered(&mut flight, &[answers(&[(0, no_problems())], &[6])]);

    // Another property is set in the batch that submits the message.
    let submit =
        RequestBody::RopSubmitMessage(RopSubmitMessageRequest { submit_flags: SubmitFlags::default() });
    let batch = batch_of(&[(0, set(0x1000_001F, "body")), (0, submit.clone())], &[6]);
    let (mut flight, _) = mailbox.relayed(&batch);
    let submitted = ResponseBody::RopSubmitMessage(Empty);
    mailbox.delivered(&mut flight, &[answers(&[(0, no_problems()), (0, submitted)], &[6])]);

    // A stream of the message is written in two operations.
    let open = RequestBody::RopOpenStream(RopOpenStreamRequest {
        output_handle_index: OutputHandleIndex(1),
        property_tag: PropTag(0x1009_0102),
        open_mode_flags: StreamOpenModeFlags::default(),
    });
    let write = |text: &str| {
        RequestBody::RopWriteStream(RopWriteStreamRequest { data: Bytes16(text.as_bytes().to_vec().into()) })
    };
    let written = |size| ResponseBody::RopWriteStream(RopWriteStreamResponse { written_size: size });
    let (mut flight, _) = mailbox.relayed(&batch_of(&[(0, open), (1, write("one two"))], &[6, NO_OBJECT]));
    let opened = ResponseBody::RopOpenStream(RopOpenStreamResponse { stream_size: 0 });
    mailbox.delivered(&mut flight, &[answers(&[(1, opened), (1, written(7))], &[6, 7])]);
    let commit = RequestBody::RopCommitStream(Empty);
    let (mut flight, _) = mailbox.relayed(&batch_of(&[(0, write(" three"))], &[7]));
    mailbox.delivered(&mut flight, &[answers(&[(0, written(6))], &[7])]);
    let release = (0, RequestBody::RopRelease(Empty));
    let (mut flight, _) = mailbox.relayed(&batch_of(&[(0, commit.clone()), release], &[7]));
    mailbox.delivered(&mut flight, &[answers(&[(0, ResponseBody::RopCommitStream(Empty))], &[NO_OBJECT])]);
    // After the release, the handle has no object.
    mailbox.relayed(&batch_of(&[(0, commit)], &[7]));

    let seen = seen.lock().unwrap();
    let expected = ["submit Some(\"first\"), 2 properties", "commit \"one two three\"", "None"];
    assert_eq!(seen[..], expected);
}

/// Lengthens what is read from streams, with or without reserving space for it.
struct Grower {
    by: usize,
    reserves: bool,
}

impl Module for Grower {
    fn name(&self) -> &'static str {
        "grower"
    }

    fn description(&self) -> &'static str {
        "makes responses longer"
    }

    fn interests(&self) -> Interests {
        Interests { rops: true, ..Interests::default() }
    }

    fn rop_request(&self, rop: &mut RopView<'_>, _session: &mut Session) -> RopDecision {
        if self.reserves {
            rop.reserve(self.by);
        }
        RopDecision::Forward
    }

    fn rop_response(&self, rop: &mut RopResponseView<'_>, _session: &mut Session) {
        if let ResponseBody::RopReadStream(read) = &mut rop.change().body {
            let longer = [&read.data.0[..], &vec![b'+'; self.by]].concat();
            read.data.0 = longer.into();
        }
    }
}

#[test]
fn a_response_lengthened_beyond_the_clients_maximum_is_refused_unless_space_was_reserved() {
    let read = RequestBody::RopReadStream(RopReadStreamRequest {
        byte_count: SizeOrSentinel(100),
        maximum_byte_count: None,
    });
    let sent = batch_of(&[(0, read)], &[1]);
    let response = |size| {
        answers(
            &[(
                0,
                ResponseBody::RopReadStream(RopReadStreamResponse { data: Bytes16(vec![b'x'; size].into()) }),
            )],
            &[1],
        )
    };
    // The extended buffer's header, RopSize, RopId, index, return value, size, handle.
    let room = 8 + 2 + 1 + 1 + 4 + 2 + 4 + 100;
    for (by, reserves, grown, fits) in [
        (0, false, 100, true),
        (1, false, 100, false),
        (40, false, 60, true),
        (40, false, 61, false),
        (40, true, 60, true),
    ] {
        let engine = Engine::new(Stack::new(vec![Box::new(Grower { by, reserves })]));
        let mut mailbox = Mailbox::open(&engine, "a");
        let Sent::Relayed(mut flight, _, left) = mailbox.send(std::slice::from_ref(&sent), room) else {
            panic!("not forwarded")
        };
        assert_eq!(left, room - if reserves { 40 } else { 0 });
        let next = mailbox.respond(&mut flight, &[response(grown)]);
        assert_eq!(matches!(next, Step::Reply { .. }), fits, "{by} more than {grown}: {next:?}");
    }
}
