//! The messages of one HTTP exchange while it is read: a request, and the response to it.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http1::{Fields, ResponseHead};

use crate::call::{Damage, HttpCall, HttpMessage, HttpResponse};
use crate::stream::Side;
use crate::time::Timestamp;

/// The maximum number of bytes of a body that are kept.
const MAX_BODY: usize = 16 << 20;

/// A result of decoding HTTP.
#[derive(Debug)]
pub(super) enum ExchangeEvent {
    /// An exchange has ended.
    Call(Box<EndedExchange>),
    /// A piece of the body of a channel of RPC over HTTP.
    Channel { method: Channel, side: Side, time: Timestamp, bytes: Bytes, user: Option<Arc<str>> },
    /// Bytes of such a body are missing.
    ChannelGap { method: Channel, side: Side, user: Option<Arc<str>> },
}

/// A channel of RPC over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    /// `RPC_IN_DATA`: what the client sends.
    In,
    /// `RPC_OUT_DATA`: what the server sends.
    Out,
}

/// An exchange that has ended, with or without a response.
#[derive(Debug)]
pub(super) struct EndedExchange {
    pub(super) call: HttpCall,
    pub(super) user: Option<Arc<str>>,
    pub(super) requested: Timestamp,
    pub(super) responded: Option<Timestamp>,
}

/// A pending exchange.
#[derive(Debug)]
pub(super) struct PendingExchange {
    pub(super) number: u64,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) request: Message,
    pub(super) response: Option<(u16, String, Message)>,
    /// Whether the response was not recorded.
    pub(super) abandoned: bool,
    pub(super) user: Option<Arc<str>>,
    pub(super) channel: Option<Channel>,
}

#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: BytesMut,
    pub(super) missing: u64,
    pub(super) time: Timestamp,
    pub(super) done: bool,
    /// Whether the end of the message was not recorded.
    pub(super) cut: bool,
}

impl Message {
    pub(super) fn new(fields: &Fields, time: Timestamp) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let fields = fields.iter().map(|field| (field.name.to_owned(), text(field.value))).collect();
        Self { fields, time, ..Self::default() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let room = MAX_BODY.saturating_sub(self.body.len());
        let (kept, missing) = bytes.split_at(bytes.len().min(room));
        self.body.extend_from_slice(kept);
        self.missing = self.missing.saturating_add(u64::try_from(missing.len()).unwrap_or(u64::MAX));
    }

    /// The value of the first field with this name.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }

    /// The message. Bytes are missing if it has fewer than `Content-Length` declares, unless it
    /// `is_bodiless`.
    pub(super) fn finish(self, is_bodiless: bool) -> HttpMessage {
        let declared = self.field("content-length").and_then(|length| length.trim().parse::<u64>().ok());
        let recorded = u64::try_from(self.body.len()).unwrap_or(u64::MAX);
        let missing = match declared {
            Some(declared) if !is_bodiless => declared.saturating_sub(recorded),
            _ => self.missing,
        };
        let damage = Some(Damage::CutOff).filter(|_| self.cut && missing == 0);
        HttpMessage { fields: self.fields, body: self.body.freeze(), missing, damage }
    }
}

/// The status, the reason and the message of a response that begins.
pub(super) fn begin_response(head: &ResponseHead, time: Timestamp) -> (u16, String, Message) {
    let reason = String::from_utf8_lossy(head.reason()).into_owned();
    (head.status(), reason, Message::new(&head.fields, time))
}

impl PendingExchange {
    /// Whether the response has ended, or was not recorded.
    pub(super) fn is_over(&self) -> bool {
        self.abandoned || self.response.as_ref().is_some_and(|(_, _, message)| message.done)
    }

    /// Whether the response opens a channel.
    pub(super) fn opens_channel(&self) -> bool {
        self.response.as_ref().is_some_and(|(status, ..)| *status == 200)
    }

    /// The ended exchange. `None` for a channel that was opened: its bytes are separate events.
    pub(super) fn finish(self) -> Option<Box<EndedExchange>> {
        if self.channel.is_some() && (self.response.is_none() || self.opens_channel()) {
            return None;
        }
        let responded = self.response.as_ref().map(|(_, _, message)| message.time);
        let is_head = self.method == "HEAD";
        let response = self.response.map(|(status, reason, message)| {
            let message = message.finish(is_head || status == 304);
            HttpResponse { status, reason, message }
        });
        let requested = self.request.time;
        let request = self.request.finish(self.channel.is_some());
        let call = HttpCall { method: self.method, target: self.target, request, response };
        Some(Box::new(EndedExchange { call, user: self.user, requested, responded }))
    }
}

/// The path and the query of a target. The target is an absolute URI if the request was for a proxy (RFC 9112
/// 3.2.2).
pub(crate) fn path_of(target: &str) -> &str {
    let Some((_, rest)) = target.split_once("://").filter(|(scheme, _)| !scheme.contains(['/', '?'])) else {
        return target;
    };
    rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or("/")
}
