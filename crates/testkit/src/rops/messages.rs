//! The ROPs of messages, attachments, recipients, properties and of sending.

use mapi::rop::attachment::{RopGetValidAttachmentsResponse, RopOpenEmbeddedMessageResponse};
use mapi::rop::message::{
    ReadFlags, ReadStatusChange, RopCreateMessageResponse, RopOpenMessageResponse,
    RopSetMessageReadFlagRequest, RopSetMessageReadFlagResponse, RopSetReadFlagsRequest,
};
use mapi::rop::named_property::{
    PropertyIdFlags, QueryFlags, RopGetNamesFromPropertyIdsRequest, RopGetNamesFromPropertyIdsResponse,
    RopGetPropertyIdsFromNamesRequest, RopGetPropertyIdsFromNamesResponse, RopQueryNamedPropertiesRequest,
    RopQueryNamedPropertiesResponse,
};
use mapi::rop::property::{
    CopyFlags, PropertyProblemsResponse, RopCopyPropertiesRequest, RopCopyToRequest,
    RopDeletePropertiesRequest, RopGetPropertiesAllResponse, RopGetPropertiesListResponse,
    RopGetPropertiesSpecificRequest, RopSetPropertiesRequest,
};
use mapi::rop::recipient::{
    ModifyRecipientRow, OpenRecipientRow, OpenRecipients, ReadRecipientRow, RecipientType,
    RopModifyRecipientsRequest, RopReadRecipientsResponse, SizedRecipientRow,
};
use mapi::rop::transport::{
    Help, HelpFile, MessageFlags, RopGetAddressTypesResponse, RopOptionsDataRequest, RopOptionsDataResponse,
    RopTransportNewMailRequest, RopTransportSendResponse, SentProperties,
};

use mapi::property::PropTag;
use mapi::rop::Bool;

use super::sample::{Sample, SampleBy, sample, sample_newtypes};
use super::values::recipient;
use crate::input::Input;

sample_newtypes!(ReadFlags, MessageFlags, CopyFlags, PropertyIdFlags, QueryFlags, RecipientType);

sample! {
    RopOpenMessageResponse { has_named_properties, subject_prefix, normalized_subject, recipients }
    RopCreateMessageResponse { has_message_id, message_id by has_message_id }
    RopSetReadFlagsRequest { want_asynchronous, read_flags, message_ids }
    RopSetMessageReadFlagResponse { read_status_changed, change by read_status_changed }
    ReadStatusChange { logon_id, client_data }
    RopOpenEmbeddedMessageResponse { reserved, message_id, has_named_properties, subject_prefix, normalized_subject, recipients }
    RopTransportSendResponse { no_properties_returned, property_values by no_properties_returned }
    RopTransportNewMailRequest { message_id, folder_id, message_class, message_flags }
    RopOptionsDataRequest { address_type, want_win32 }
    RopOptionsDataResponse { reserved, options_info, help }
    RopGetPropertiesSpecificRequest { property_size_limit, want_unicode, property_tags }
    RopGetPropertiesAllResponse { property_values }
    RopGetPropertiesListResponse { property_tags }
    RopSetPropertiesRequest { property_values }
    PropertyProblemsResponse { property_problems }
    RopDeletePropertiesRequest { property_tags }
    RopCopyPropertiesRequest { dest_handle_index, want_asynchronous, copy_flags, property_tags }
    RopCopyToRequest { dest_handle_index, want_asynchronous, want_sub_objects, copy_flags, excluded_tags }
    RopGetPropertyIdsFromNamesRequest { flags, property_names }
    RopGetPropertyIdsFromNamesResponse { property_ids }
    RopGetNamesFromPropertyIdsRequest { property_ids }
    RopGetNamesFromPropertyIdsResponse { property_names }
    RopQueryNamedPropertiesRequest { query_flags, has_guid, property_guid by has_guid }
}

/// The form of the specification.
impl Sample for RopGetValidAttachmentsResponse {
    fn sample(input: &mut Input<'_>) -> Self {
        Self { attachment_ids: Sample::sample(input), is_short: false }
    }
}

/// A request in a private mailbox.
impl Sample for RopSetMessageReadFlagRequest {
    fn sample(input: &mut Input<'_>) -> Self {
        Self {
            input_handle_index: Sample::sample(input),
            read_flags: Sample::sample(input),
            client_data: None,
        }
    }
}

fn sized(input: &mut Input<'_>, columns: &[PropTag]) -> SizedRecipientRow {
    let row = Box::new(recipient(input, columns));
    let trailing = if input.byte().is_multiple_of(4) { Sample::sample(input) } else { Vec::new() };
    SizedRecipientRow::Row { row, trailing }
}

fn open_recipient(input: &mut Input<'_>, columns: &[PropTag]) -> OpenRecipientRow {
    OpenRecipientRow {
        recipient_type: Sample::sample(input),
        code_page_id: input.short(),
        reserved: input.short(),
        recipient_row: sized(input, columns),
    }
}

impl Sample for OpenRecipients {
    fn sample(input: &mut Input<'_>) -> Self {
        let recipient_columns: Vec<PropTag> = Sample::sample(input);
        let count = input.byte() % 4;
        let recipient_rows = (0..count).map(|_| open_recipient(input, &recipient_columns)).collect();
        Self { recipient_count: input.short(), recipient_columns, recipient_rows }
    }
}

impl Sample for RopModifyRecipientsRequest {
    fn sample(input: &mut Input<'_>) -> Self {
        let recipient_columns: Vec<PropTag> = Sample::sample(input);
        let count = input.byte() % 4;
        let one = |input: &mut Input<'_>| ModifyRecipientRow {
            row_id: Sample::sample(input),
            recipient_type: Sample::sample(input),
            recipient_row: match input.byte() % 4 {
                0 => None,
                1 => Some(SizedRecipientRow::Bytes(vec![0xFF])),
                _ => Some(sized(input, &recipient_columns)),
            },
        };
        let recipient_rows = (0..count).map(|_| one(input)).collect();
        Self { recipient_columns, recipient_rows }
    }
}

/// Recipients of a message whose columns are `columns`.
pub(super) fn read_recipients(input: &mut Input<'_>, columns: &[PropTag]) -> RopReadRecipientsResponse {
    let count = input.byte() % 4;
    let one = |input: &mut Input<'_>| ReadRecipientRow {
        row_id: Sample::sample(input),
        recipient: open_recipient(input, columns),
    };
    RopReadRecipientsResponse {
        recipient_columns: columns.into(),
        recipient_rows: (0..count).map(|_| one(input)).collect(),
    }
}

impl SampleBy<Bool> for SentProperties {
    fn sample_by(input: &mut Input<'_>, by: &Bool) -> Self {
        Self((!by.is_true()).then(|| Sample::sample(input)))
    }
}

impl Sample for Help {
    fn sample(input: &mut Input<'_>) -> Self {
        let help_file: Vec<u8> = Sample::sample(input);
        let some = !help_file.is_empty();
        Self(some.then(|| HelpFile { help_file, help_file_name: Sample::sample(input) }))
    }
}

impl Sample for RopGetAddressTypesResponse {
    fn sample(input: &mut Input<'_>) -> Self {
        Self { address_types: Sample::sample(input) }
    }
}

impl Sample for RopQueryNamedPropertiesResponse {
    fn sample(input: &mut Input<'_>) -> Self {
        let count = input.byte() % 4;
        Self { properties: (0..count).map(|_| (input.short(), Sample::sample(input))).collect() }
    }
}
