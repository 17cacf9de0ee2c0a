//! The registry of ROPs ([MS-OXCROPS] 2.2.2): for each its number, its name, and the types of its request and its
//! response.

/// Calls the macro `$callback` with the registry. A line is `number name: request => response;`, where the types are
/// those of what follows the handle index of the request and the return value of the response; `, asynchronous` behind
/// them marks a ROP whose request has a `WantAsynchronous`. Under `response_only` are the ROPs that only servers send,
/// and that answer no request.
///
/// Whatever has a part for each ROP is made by this, so that a new ROP is one line here.
#[doc(hidden)]
#[macro_export]
macro_rules! each_rop {
    ($callback:ident) => {
        $callback! {
            // 2.2.3 Logon ROPs

            /// Logs on to a mailbox or to the public folders.
            0xFE RopLogon: RopLogonRequest => RopLogonResponse;
            /// Gets the folder to which messages of a class are delivered.
            0x27 RopGetReceiveFolder: RopGetReceiveFolderRequest => RopGetReceiveFolderResponse;
            /// Sets the folder to which messages of a class are delivered.
            0x26 RopSetReceiveFolder: RopSetReceiveFolderRequest => Empty;
            /// Gets the folders to which messages are delivered, by class.
            0x68 RopGetReceiveFolderTable: Empty => RopGetReceiveFolderTableResponse;
            /// Gets the state of a mailbox.
            0x7B RopGetStoreState: Empty => RopGetStoreStateResponse;
            /// Gets the servers that have a replica of a public folder.
            0x42 RopGetOwningServers: PublicFolderRequest => RopGetOwningServersResponse;
            /// Gets whether a public folder has its contents on other servers only.
            0x45 RopPublicFolderIsGhosted: PublicFolderRequest => RopPublicFolderIsGhostedResponse;
            /// Converts a short-term id into a long-term id.
            0x43 RopLongTermIdFromId: RopLongTermIdFromIdRequest => RopLongTermIdFromIdResponse;
            /// Converts a long-term id into a short-term id.
            0x44 RopIdFromLongTermId: RopIdFromLongTermIdRequest => RopIdFromLongTermIdResponse;
            /// Gets the public folders of a database for which there is read and unread information of a
            /// user.
            0x60 RopGetPerUserLongTermIds: RopGetPerUserLongTermIdsRequest => RopGetPerUserLongTermIdsResponse;
            /// Gets the database that contains a public folder.
            0x61 RopGetPerUserGuid: RopGetPerUserGuidRequest => RopGetPerUserGuidResponse;
            /// Reads which messages of a public folder a user has read.
            0x63 RopReadPerUserInformation: RopReadPerUserInformationRequest => RopReadPerUserInformationResponse;
            /// Writes which messages of a public folder a user has read.
            0x64 RopWritePerUserInformation: RopWritePerUserInformationRequest => Empty;

            // 2.2.4 Folder ROPs

            /// Opens a folder.
            0x02 RopOpenFolder: RopOpenFolderRequest => RopOpenFolderResponse;
            /// Creates a folder.
            0x1C RopCreateFolder: RopCreateFolderRequest => RopCreateFolderResponse;
            /// Deletes a folder.
            0x1D RopDeleteFolder: RopDeleteFolderRequest => PartialCompletion;
            /// Sets the criteria of a search folder.
            0x30 RopSetSearchCriteria: RopSetSearchCriteriaRequest => Empty;
            /// Gets the criteria of a search folder.
            0x31 RopGetSearchCriteria: RopGetSearchCriteriaRequest => RopGetSearchCriteriaResponse;
            /// Moves or copies messages.
            0x33 RopMoveCopyMessages: RopMoveCopyMessagesRequest => MoveCompletion, asynchronous;
            /// Moves a folder.
            0x35 RopMoveFolder: RopMoveFolderRequest => MoveCompletion, asynchronous;
            /// Copies a folder.
            0x36 RopCopyFolder: RopCopyFolderRequest => MoveCompletion, asynchronous;
            /// Deletes the contents of a folder.
            0x58 RopEmptyFolder: EmptyFolderRequest => PartialCompletion, asynchronous;
            /// Deletes the contents of a folder permanently.
            0x92 RopHardDeleteMessagesAndSubfolders: EmptyFolderRequest => PartialCompletion, asynchronous;
            /// Deletes messages.
            0x1E RopDeleteMessages: DeleteMessagesRequest => PartialCompletion, asynchronous;
            /// Deletes messages permanently.
            0x91 RopHardDeleteMessages: DeleteMessagesRequest => PartialCompletion, asynchronous;
            /// Opens the table of a folder's subfolders.
            0x04 RopGetHierarchyTable: FolderTableRequest => FolderTableResponse;
            /// Opens the table of a folder's contents.
            0x05 RopGetContentsTable: FolderTableRequest => FolderTableResponse;

            // 2.2.5 Table ROPs

            /// Sets the columns of a table.
            0x12 RopSetColumns: RopSetColumnsRequest => TableStatusResponse;
            /// Sorts a table.
            0x13 RopSortTable: RopSortTableRequest => TableStatusResponse;
            /// Restricts a table to some of its rows.
            0x14 RopRestrict: RopRestrictRequest => TableStatusResponse;
            /// Reads rows.
            0x15 RopQueryRows: RopQueryRowsRequest => RopQueryRowsResponse;
            /// Aborts an asynchronous operation on a table.
            0x38 RopAbort: Empty => TableStatusResponse;
            /// Gets the state of asynchronous operations on a table.
            0x16 RopGetStatus: Empty => TableStatusResponse;
            /// Gets the position of the cursor.
            0x17 RopQueryPosition: Empty => RopQueryPositionResponse;
            /// Moves the cursor by a number of rows.
            0x18 RopSeekRow: RopSeekRowRequest => RopSeekRowResponse;
            /// Moves the cursor by a number of rows from a bookmark.
            0x19 RopSeekRowBookmark: RopSeekRowBookmarkRequest => RopSeekRowBookmarkResponse;
            /// Moves the cursor to a fraction of the table.
            0x1A RopSeekRowFractional: RopSeekRowFractionalRequest => Empty;
            /// Creates a bookmark at the position of the cursor.
            0x1B RopCreateBookmark: Empty => BookmarkFields;
            /// Gets all columns that a table supports.
            0x37 RopQueryColumnsAll: Empty => RopQueryColumnsAllResponse;
            /// Finds a row.
            0x4F RopFindRow: RopFindRowRequest => RopFindRowResponse;
            /// Frees a bookmark.
            0x89 RopFreeBookmark: BookmarkFields => Empty;
            /// Resets the columns, the restriction and the sort order of a table.
            0x81 RopResetTable: Empty => Empty;
            /// Expands a group of rows.
            0x59 RopExpandRow: RopExpandRowRequest => RopExpandRowResponse;
            /// Collapses a group of rows.
            0x5A RopCollapseRow: RopCollapseRowRequest => RopCollapseRowResponse;
            /// Gets which groups are expanded.
            0x6B RopGetCollapseState: RopGetCollapseStateRequest => CollapseStateFields;
            /// Sets which groups are expanded.
            0x6C RopSetCollapseState: CollapseStateFields => BookmarkFields;

            // 2.2.6 Message ROPs

            /// Opens a message.
            0x03 RopOpenMessage: RopOpenMessageRequest => Box<RopOpenMessageResponse>;
            /// Creates a message.
            0x06 RopCreateMessage: RopCreateMessageRequest => RopCreateMessageResponse;
            /// Saves a message.
            0x0C RopSaveChangesMessage: RopSaveChangesMessageRequest => RopSaveChangesMessageResponse;
            /// Removes all recipients of a message.
            0x0D RopRemoveAllRecipients: RopRemoveAllRecipientsRequest => Empty;
            /// Adds, changes and removes recipients of a message.
            0x0E RopModifyRecipients: RopModifyRecipientsRequest => Empty;
            /// Reads recipients of a message.
            0x0F RopReadRecipients: RopReadRecipientsRequest => RopReadRecipientsResponse;
            /// Gets anew what opening a message returned.
            0x10 RopReloadCachedInformation:
                RopReloadCachedInformationRequest => Box<RopReloadCachedInformationResponse>;
            /// Sets the status flags of a message.
            0x20 RopSetMessageStatus: RopSetMessageStatusRequest => RopSetMessageStatusResponse;
            /// Gets the status flags of a message. It is answered as if it had been `RopSetMessageStatus`.
            0x1F RopGetMessageStatus: RopGetMessageStatusRequest => RopSetMessageStatusResponse;
            /// Marks messages of a folder as read or unread.
            0x66 RopSetReadFlags: RopSetReadFlagsRequest => RopSetReadFlagsResponse, asynchronous;
            /// Marks an open message as read or unread.
            0x11 RopSetMessageReadFlag: RopSetMessageReadFlagRequest => RopSetMessageReadFlagResponse;
            /// Opens an attachment.
            0x22 RopOpenAttachment: RopOpenAttachmentRequest => Empty;
            /// Creates an attachment.
            0x23 RopCreateAttachment: RopCreateAttachmentRequest => RopCreateAttachmentResponse;
            /// Deletes an attachment.
            0x24 RopDeleteAttachment: RopDeleteAttachmentRequest => Empty;
            /// Saves an attachment.
            0x25 RopSaveChangesAttachment: RopSaveChangesAttachmentRequest => Empty;
            /// Opens the message in an attachment.
            0x46 RopOpenEmbeddedMessage: RopOpenEmbeddedMessageRequest => Box<RopOpenEmbeddedMessageResponse>;
            /// Opens the table of a message's attachments.
            0x21 RopGetAttachmentTable: RopGetAttachmentTableRequest => Empty;
            /// Gets the ids of a message's attachments.
            0x52 RopGetValidAttachments: Empty => RopGetValidAttachmentsResponse;

            // 2.2.7 Transport ROPs

            /// Submits a message.
            0x32 RopSubmitMessage: RopSubmitMessageRequest => Empty;
            /// Aborts the submission of a message.
            0x34 RopAbortSubmit: RopAbortSubmitRequest => Empty;
            /// Gets the address types that the server supports.
            0x49 RopGetAddressTypes: Empty => RopGetAddressTypesResponse;
            /// Declares the client to be the spooler.
            0x47 RopSetSpooler: Empty => Empty;
            /// Locks a message in the spooler's queue, or unlocks it.
            0x48 RopSpoolerLockMessage: RopSpoolerLockMessageRequest => Empty;
            /// Sends a message, and gets its properties.
            0x4A RopTransportSend: Empty => RopTransportSendResponse;
            /// Notifies the server of a message that the client's spooler received.
            0x51 RopTransportNewMail: RopTransportNewMailRequest => Empty;
            /// Gets the folder of messages that are to be sent.
            0x6D RopGetTransportFolder: Empty => RopGetTransportFolderResponse;
            /// Gets the options of an address type.
            0x6F RopOptionsData: RopOptionsDataRequest => RopOptionsDataResponse;

            // 2.2.8 Property ROPs

            /// Converts names of properties into ids.
            0x56 RopGetPropertyIdsFromNames: RopGetPropertyIdsFromNamesRequest => RopGetPropertyIdsFromNamesResponse;
            /// Converts ids of properties into names.
            0x55 RopGetNamesFromPropertyIds: RopGetNamesFromPropertyIdsRequest => RopGetNamesFromPropertyIdsResponse;
            /// Gets some properties of an object.
            0x07 RopGetPropertiesSpecific: RopGetPropertiesSpecificRequest => RopGetPropertiesSpecificResponse;
            /// Gets all properties of an object.
            0x08 RopGetPropertiesAll: RopGetPropertiesAllRequest => RopGetPropertiesAllResponse;
            /// Gets which properties an object has.
            0x09 RopGetPropertiesList: Empty => RopGetPropertiesListResponse;
            /// Sets properties of an object.
            0x0A RopSetProperties: RopSetPropertiesRequest => RopSetPropertiesResponse;
            /// Sets properties of an object, without replication.
            0x79 RopSetPropertiesNoReplicate:
                RopSetPropertiesNoReplicateRequest => RopSetPropertiesNoReplicateResponse;
            /// Deletes properties of an object.
            0x0B RopDeleteProperties: RopDeletePropertiesRequest => RopDeletePropertiesResponse;
            /// Deletes properties of an object, without replication.
            0x7A RopDeletePropertiesNoReplicate:
                RopDeletePropertiesNoReplicateRequest => RopDeletePropertiesNoReplicateResponse;
            /// Gets which named properties an object has.
            0x5F RopQueryNamedProperties: RopQueryNamedPropertiesRequest => RopQueryNamedPropertiesResponse;
            /// Copies some properties to another object.
            0x67 RopCopyProperties: RopCopyPropertiesRequest => RopCopyPropertiesResponse, asynchronous;
            /// Copies all properties to another object, except some.
            0x39 RopCopyTo: RopCopyToRequest => RopCopyToResponse, asynchronous;
            /// Gets the progress of an asynchronous operation, or aborts it.
            0x50 RopProgress: RopProgressRequest => RopProgressResponse;

            // 2.2.9 Stream ROPs

            /// Opens a property as a stream.
            0x2B RopOpenStream: RopOpenStreamRequest => RopOpenStreamResponse;
            /// Reads from a stream.
            0x2C RopReadStream: RopReadStreamRequest => RopReadStreamResponse;
            /// Writes to a stream.
            0x2D RopWriteStream: RopWriteStreamRequest => RopWriteStreamResponse;
            /// Writes to a stream from several buffers.
            0xA3 RopWriteStreamExtended: RopWriteStreamExtendedRequest => RopWriteStreamExtendedResponse;
            /// Commits what was written to a stream.
            0x5D RopCommitStream: Empty => Empty;
            /// Gets the size of a stream.
            0x5E RopGetStreamSize: Empty => RopGetStreamSizeResponse;
            /// Sets the size of a stream.
            0x2F RopSetStreamSize: RopSetStreamSizeRequest => Empty;
            /// Moves the position of a stream.
            0x2E RopSeekStream: RopSeekStreamRequest => RopSeekStreamResponse;
            /// Copies from one stream to another.
            0x3A RopCopyToStream: RopCopyToStreamRequest => RopCopyToStreamResponse;
            /// Locks a region of a stream.
            0x5B RopLockRegionStream: RopLockRegionStreamRequest => Empty;
            /// Unlocks a region of a stream.
            0x5C RopUnlockRegionStream: RopUnlockRegionStreamRequest => Empty;
            /// Writes to a stream and commits it.
            0x90 RopWriteAndCommitStream: RopWriteAndCommitStreamRequest => RopWriteAndCommitStreamResponse;
            /// Opens a second stream on the same value.
            0x3B RopCloneStream: RopCloneStreamRequest => Empty;

            // 2.2.10 Permission ROPs

            /// Changes the permissions of a folder.
            0x40 RopModifyPermissions: RopModifyPermissionsRequest => Empty;
            /// Opens the table of a folder's permissions.
            0x3E RopGetPermissionsTable: RopGetPermissionsTableRequest => Empty;

            // 2.2.11 Rule ROPs

            /// Changes the rules of a folder.
            0x41 RopModifyRules: RopModifyRulesRequest => Empty;
            /// Opens the table of a folder's rules.
            0x3F RopGetRulesTable: RopGetRulesTableRequest => Empty;
            /// Sets which message of the client's store a deferred action message belongs to.
            0x57 RopUpdateDeferredActionMessages: RopUpdateDeferredActionMessagesRequest => Empty;

            // 2.2.12 Fast Transfer ROPs

            /// Begins an upload.
            0x53 RopFastTransferDestinationConfigure: RopFastTransferDestinationConfigureRequest => Empty;
            /// Uploads a part of a `FastTransfer` stream.
            0x54 RopFastTransferDestinationPutBuffer:
                RopFastTransferDestinationPutBufferRequest => RopFastTransferDestinationPutBufferResponse;
            /// Uploads a part of a `FastTransfer` stream.
            0x9D RopFastTransferDestinationPutBufferExtended:
                RopFastTransferDestinationPutBufferExtendedRequest => RopFastTransferDestinationPutBufferExtendedResponse;
            /// Downloads the next part of a `FastTransfer` stream.
            0x4E RopFastTransferSourceGetBuffer:
                RopFastTransferSourceGetBufferRequest => RopFastTransferSourceGetBufferResponse;
            /// Begins the download of a folder.
            0x4C RopFastTransferSourceCopyFolder: RopFastTransferSourceCopyFolderRequest => Empty;
            /// Begins the download of messages.
            0x4B RopFastTransferSourceCopyMessages: RopFastTransferSourceCopyMessagesRequest => Empty;
            /// Begins the download of an object, except some of its properties.
            0x4D RopFastTransferSourceCopyTo: RopFastTransferSourceCopyToRequest => Empty;
            /// Begins the download of some properties of an object.
            0x69 RopFastTransferSourceCopyProperties: RopFastTransferSourceCopyPropertiesRequest => Empty;
            /// Gives one server the version of the other.
            0x86 RopTellVersion: RopTellVersionRequest => Empty;

            // 2.2.13 Incremental Change Synchronization ROPs

            /// Begins a download of changes.
            0x70 RopSynchronizationConfigure: Box<RopSynchronizationConfigureRequest> => Empty;
            /// Uploads a new or changed message.
            0x72 RopSynchronizationImportMessageChange:
                RopSynchronizationImportMessageChangeRequest => RopSynchronizationImportMessageChangeResponse;
            /// Uploads which messages were read.
            0x80 RopSynchronizationImportReadStateChanges: RopSynchronizationImportReadStateChangesRequest => Empty;
            /// Uploads a new or changed folder.
            0x73 RopSynchronizationImportHierarchyChange:
                RopSynchronizationImportHierarchyChangeRequest => RopSynchronizationImportHierarchyChangeResponse;
            /// Uploads deletions.
            0x74 RopSynchronizationImportDeletes: RopSynchronizationImportDeletesRequest => Empty;
            /// Uploads the move of a message.
            0x78 RopSynchronizationImportMessageMove:
                Box<RopSynchronizationImportMessageMoveRequest> => RopSynchronizationImportMessageMoveResponse;
            /// Begins an upload of changes.
            0x7E RopSynchronizationOpenCollector: RopSynchronizationOpenCollectorRequest => Empty;
            /// Gets the state that a client keeps until the next synchronization.
            0x82 RopSynchronizationGetTransferState: RopSynchronizationGetTransferStateRequest => Empty;
            /// Begins the upload of a part of the client's state.
            0x75 RopSynchronizationUploadStateStreamBegin: RopSynchronizationUploadStateStreamBeginRequest => Empty;
            /// Continues the upload of a part of the client's state.
            0x76 RopSynchronizationUploadStateStreamContinue:
                RopSynchronizationUploadStateStreamContinueRequest => Empty;
            /// Ends the upload of a part of the client's state.
            0x77 RopSynchronizationUploadStateStreamEnd: Empty => Empty;
            /// Gives up ids that the server had reserved for the client.
            0x93 RopSetLocalReplicaMidsetDeleted: RopSetLocalReplicaMidsetDeletedRequest => Empty;
            /// Reserves ids for the client.
            0x7F RopGetLocalReplicaIds: RopGetLocalReplicaIdsRequest => RopGetLocalReplicaIdsResponse;

            // 2.2.14 Notification ROPs

            /// Subscribes to notifications.
            0x29 RopRegisterNotification: RopRegisterNotificationRequest => Empty;

            // 2.2.15 Other ROPs

            /// Releases a server object. It is not answered.
            0x01 RopRelease: Empty => Unanswered;

            response_only {
                /// Notifies the client of an event.
                0x2A RopNotify;
                /// Notifies the client that notifications are pending.
                0x6E RopPending;
                /// Reports that the server is busy.
                0xF9 RopBackoff;
                /// Reports that the responses do not fit.
                0xFF RopBufferTooSmall;
            }
        }
    };
}
