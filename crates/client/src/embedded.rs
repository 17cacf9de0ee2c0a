//! Messages within messages: attachments that are messages.

use mapi::property::{PropTag, PropertyValue, TaggedValue};
use mapi::rop::RequestBody;
use mapi::rop::attachment::RopOpenEmbeddedMessageRequest;
use mapi::rop::message::MessageOpenModeFlags;

use crate::attachment::{Attachment, EMBEDDED_MESSAGE};
use crate::error::Error;
use crate::message::{Message, UNICODE_CODE_PAGE};
use crate::store::batch::fields;

impl Attachment {
    /// Opens the message that the attachment is (`RopOpenEmbeddedMessage`).
    ///
    /// # Errors
    /// If the attachment is no message, or the ROP fails.
    pub async fn open_message(&self) -> Result<Message, Error> {
        self.embedded(MessageOpenModeFlags::READ_WRITE).await
    }

    /// Makes the attachment a message, and opens it. It must be saved before the attachment.
    ///
    /// # Errors
    /// If a ROP fails.
    pub async fn create_message(&self) -> Result<Message, Error> {
        let method =
            TaggedValue::new(PropTag::PidTagAttachMethod, PropertyValue::Integer32(EMBEDDED_MESSAGE));
        self.set(vec![method]).await?;
        self.embedded(MessageOpenModeFlags::CREATE).await
    }

    async fn embedded(&self, open_mode_flags: MessageOpenModeFlags) -> Result<Message, Error> {
        let open = |output_handle_index| {
            RequestBody::RopOpenEmbeddedMessage(RopOpenEmbeddedMessageRequest {
                output_handle_index,
                code_page_id: UNICODE_CODE_PAGE,
                open_mode_flags,
            })
        };
        let (object, body) =
            self.object().open(&format!("message in {}", self.object().name()), open).await?;
        let opened = fields!(body, RopOpenEmbeddedMessage).map_err(|error| object.on(error))?;
        Ok(Message::opened(object, None, opened.recipients))
    }
}
