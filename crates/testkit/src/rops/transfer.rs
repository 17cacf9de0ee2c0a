//! The ROPs of streams, of fast transfer and of synchronization.

use mapi::rop::fast_transfer::{
    CopyToFlags, MessageCopyFlags, PropertyCopyFlags, RopFastTransferDestinationPutBufferExtendedResponse,
    RopFastTransferDestinationPutBufferRequest, RopFastTransferSourceCopyMessagesRequest,
    RopFastTransferSourceCopyPropertiesRequest, RopFastTransferSourceCopyToRequest,
    RopFastTransferSourceGetBufferRequest, RopFastTransferSourceGetBufferResponse, RopTellVersionRequest,
    SendOptions, TransferContent, TransferStatus, Version,
};
use mapi::rop::stream::{
    RopCopyToStreamResponse, RopReadStreamRequest, RopReadStreamResponse, RopWriteStreamExtendedRequest,
    RopWriteStreamRequest,
};
use mapi::rop::sync::{
    ImportDeleteFlags, ImportFlag, LongTermIdRange, MessageReadState, MessageReadStates,
    RopGetLocalReplicaIdsResponse, RopSetLocalReplicaMidsetDeletedRequest,
    RopSynchronizationConfigureRequest, RopSynchronizationImportDeletesRequest,
    RopSynchronizationImportHierarchyChangeRequest, RopSynchronizationImportMessageChangeRequest,
    RopSynchronizationImportMessageMoveRequest, RopSynchronizationImportReadStateChangesRequest,
    RopSynchronizationUploadStateStreamContinueRequest, SynchronizationExtraFlags, SynchronizationFlags,
    SynchronizationType,
};

use super::sample::{Sample, sample, sample_newtypes};
use crate::input::Input;

sample_newtypes!(
    CopyToFlags,
    MessageCopyFlags,
    PropertyCopyFlags,
    SendOptions,
    TransferStatus,
    ImportDeleteFlags,
    ImportFlag,
    SynchronizationExtraFlags,
    SynchronizationFlags,
    SynchronizationType,
    MessageReadStates,
    Version
);

sample! {
    RopReadStreamRequest { byte_count, maximum_byte_count by byte_count }
    RopReadStreamResponse { data }
    RopWriteStreamRequest { data }
    RopWriteStreamExtendedRequest { data }
    RopFastTransferDestinationPutBufferRequest { transfer_data }
    RopFastTransferDestinationPutBufferExtendedResponse { transfer_status, in_progress_count, total_step_count, reserved, buffer_used_size }
    RopFastTransferSourceGetBufferRequest { buffer_size, maximum_buffer_size by buffer_size }
    RopFastTransferSourceCopyMessagesRequest { output_handle_index, message_ids, copy_flags, send_options }
    RopFastTransferSourceCopyToRequest { output_handle_index, level, copy_flags, send_options, property_tags }
    RopFastTransferSourceCopyPropertiesRequest { output_handle_index, level, copy_flags, send_options, property_tags }
    RopTellVersionRequest { version }
    RopSynchronizationConfigureRequest { output_handle_index, synchronization_type, send_options, synchronization_flags, restriction_data, synchronization_extra_flags, property_tags }
    RopSynchronizationImportMessageChangeRequest { output_handle_index, import_flag, property_values }
    RopSynchronizationImportReadStateChangesRequest { message_read_states }
    MessageReadState { message_id, mark_as_read }
    RopSynchronizationImportHierarchyChangeRequest { hierarchy_values, property_values }
    RopSynchronizationImportDeletesRequest { import_delete_flags, property_values }
    RopSynchronizationImportMessageMoveRequest { source_folder_id, source_message_id, predecessor_change_list, destination_message_id, change_number }
    RopSynchronizationUploadStateStreamContinueRequest { stream_data }
    RopSetLocalReplicaMidsetDeletedRequest { long_term_id_ranges }
    LongTermIdRange { min_long_term_id, max_long_term_id }
    RopGetLocalReplicaIdsResponse { repl_guid, global_count }
}

/// The next part of a stream; `None` if the server is busy.
pub(super) fn get_buffer(input: &mut Input<'_>, busy: bool) -> RopFastTransferSourceGetBufferResponse {
    RopFastTransferSourceGetBufferResponse {
        transfer_status: TransferStatus(u16::from(input.byte() % 4)),
        in_progress_count: Sample::sample(input),
        total_step_count: Sample::sample(input),
        reserved: Sample::sample(input),
        content: if busy {
            TransferContent::Backoff {
                transfer_buffer_size: Sample::sample(input),
                backoff_time: Sample::sample(input),
            }
        } else {
            TransferContent::Buffer(Sample::sample(input))
        },
    }
}

/// How much was copied between streams, of which the second may be missing.
pub(super) fn copy_to_stream(input: &mut Input<'_>, missing: bool) -> RopCopyToStreamResponse {
    RopCopyToStreamResponse {
        dest_handle_index: missing.then(|| Sample::sample(input)),
        read_byte_count: Sample::sample(input),
        written_byte_count: Sample::sample(input),
    }
}
