//! The registry of ROPs ([MS-OXCROPS] 2.2.2): for each its number, its name, and the types of its request and its
//! response.

/// Calls the macro `$callback` with the registry. A line is `number name: request => response;`, where the types are
/// those of what follows the handle index of the request and the return value of the response; `, asynchronous` behind
/// them marks a ROP whose request has a `WantAsynchronous`. Under `unsolicited` are the ROPs that only servers send,
/// and that answer no request.
///
/// Whatever has a part for each ROP is made by this, so that a new ROP is one line here.
#[doc(hidden)]
#[macro_export]
macro_rules! each_rop {
    ($callback:ident) => {
        $callback! {
            // 2.2.3 Logon ROPs

            /// Signs on to a mailbox or to the public folders.
            0xFE RopLogon: RopLogonRequest => RopLogonResponse;
            /// Asks where messages of a class are delivered.
            0x27 RopGetReceiveFolder: RopGetReceiveFolderRequest => RopGetReceiveFolderResponse;
            /// Says where messages of a class are delivered.
            0x26 RopSetReceiveFolder: RopSetReceiveFolderRequest => Empty;
            /// Asks where messages of which class are delivered.
            0x68 RopGetReceiveFolderTable: Empty => RopGetReceiveFolderTableResponse;
            /// Asks how a mailbox stands.
            0x7B RopGetStoreState: Empty => RopGetStoreStateResponse;
            /// Asks which servers have a public folder.
            0x42 RopGetOwningServers: PublicFolderRequest => RopGetOwningServersResponse;
            /// Asks whether a public folder's contents are on other servers.
            0x45 RopPublicFolderIsGhosted: PublicFolderRequest => RopPublicFolderIsGhostedResponse;
            /// Makes a long id of a short one.
            0x43 RopLongTermIdFromId: RopLongTermIdFromIdRequest => RopLongTermIdFromIdResponse;
            /// Makes a short id of a long one.
            0x44 RopIdFromLongTermId: RopIdFromLongTermIdRequest => RopIdFromLongTermIdResponse;
            /// Asks for the public folders of a database that a user has read something of.
            0x60 RopGetPerUserLongTermIds: RopGetPerUserLongTermIdsRequest => RopGetPerUserLongTermIdsResponse;
            /// Asks which database has a public folder.
            0x61 RopGetPerUserGuid: RopGetPerUserGuidRequest => RopGetPerUserGuidResponse;
            /// Asks for what a user has read of a public folder.
            0x63 RopReadPerUserInformation: RopReadPerUserInformationRequest => RopReadPerUserInformationResponse;
            /// Says what a user has read of a public folder.
            0x64 RopWritePerUserInformation: RopWritePerUserInformationRequest => Empty;

            // 2.2.4 Folder ROPs

            /// Opens a folder.
            0x02 RopOpenFolder: RopOpenFolderRequest => RopOpenFolderResponse;
            /// Creates a folder.
            0x1C RopCreateFolder: RopCreateFolderRequest => RopCreateFolderResponse;
            /// Deletes a folder.
            0x1D RopDeleteFolder: RopDeleteFolderRequest => PartialCompletion;
            /// Says what a search folder finds.
            0x30 RopSetSearchCriteria: RopSetSearchCriteriaRequest => Empty;
            /// Asks what a search folder finds.
            0x31 RopGetSearchCriteria: RopGetSearchCriteriaRequest => RopGetSearchCriteriaResponse;
            /// Moves or copies messages.
            0x33 RopMoveCopyMessages: RopMoveCopyMessagesRequest => MoveCompletion, asynchronous;
            /// Moves a folder.
            0x35 RopMoveFolder: RopMoveFolderRequest => MoveCompletion, asynchronous;
            /// Copies a folder.
            0x36 RopCopyFolder: RopCopyFolderRequest => MoveCompletion, asynchronous;
            /// Deletes all that a folder has.
            0x58 RopEmptyFolder: EmptyFolderRequest => PartialCompletion, asynchronous;
            /// Deletes all that a folder has for good.
            0x92 RopHardDeleteMessagesAndSubfolders: EmptyFolderRequest => PartialCompletion, asynchronous;
            /// Deletes messages.
            0x1E RopDeleteMessages: DeleteMessagesRequest => PartialCompletion, asynchronous;
            /// Deletes messages for good.
            0x91 RopHardDeleteMessages: DeleteMessagesRequest => PartialCompletion, asynchronous;
            /// Asks for the table of a folder's subfolders.
            0x04 RopGetHierarchyTable: FolderTableRequest => FolderTableResponse;
            /// Asks for the table of a folder's contents.
            0x05 RopGetContentsTable: FolderTableRequest => FolderTableResponse;

            // 2.2.5 Table ROPs

            /// Sets the columns that rows are read by.
            0x12 RopSetColumns: RopSetColumnsRequest => TableStatusResponse;
            /// Sorts a table.
            0x13 RopSortTable: RopSortTableRequest => TableStatusResponse;
            /// Leaves only some rows in a table.
            0x14 RopRestrict: RopRestrictRequest => TableStatusResponse;
            /// Reads rows.
            0x15 RopQueryRows: RopQueryRowsRequest => RopQueryRowsResponse;
            /// Stops what a table is busy with.
            0x38 RopAbort: Empty => TableStatusResponse;
            /// Asks what a table is busy with.
            0x16 RopGetStatus: Empty => TableStatusResponse;
            /// Asks where the cursor is.
            0x17 RopQueryPosition: Empty => RopQueryPositionResponse;
            /// Moves the cursor by rows.
            0x18 RopSeekRow: RopSeekRowRequest => RopSeekRowResponse;
            /// Moves the cursor by rows from a bookmark.
            0x19 RopSeekRowBookmark: RopSeekRowBookmarkRequest => RopSeekRowBookmarkResponse;
            /// Moves the cursor to a fraction of the table.
            0x1A RopSeekRowFractional: RopSeekRowFractionalRequest => Empty;
            /// Makes a bookmark where the cursor is.
            0x1B RopCreateBookmark: Empty => BookmarkFields;
            /// Asks for all columns that a table can have.
            0x37 RopQueryColumnsAll: Empty => RopQueryColumnsAllResponse;
            /// Looks for a row.
            0x4F RopFindRow: RopFindRowRequest => RopFindRowResponse;
            /// Lets go of a bookmark.
            0x89 RopFreeBookmark: BookmarkFields => Empty;
            /// Takes columns, restriction and order off a table.
            0x81 RopResetTable: Empty => Empty;
            /// Opens a group of rows.
            0x59 RopExpandRow: RopExpandRowRequest => RopExpandRowResponse;
            /// Closes a group of rows.
            0x5A RopCollapseRow: RopCollapseRowRequest => RopCollapseRowResponse;
            /// Asks which groups are open.
            0x6B RopGetCollapseState: RopGetCollapseStateRequest => CollapseStateFields;
            /// Says which groups are open.
            0x6C RopSetCollapseState: CollapseStateFields => BookmarkFields;

            // 2.2.6 Message ROPs

            /// Opens a message.
            0x03 RopOpenMessage: RopOpenMessageRequest => Box<RopOpenMessageResponse>;
            /// Makes a message.
            0x06 RopCreateMessage: RopCreateMessageRequest => RopCreateMessageResponse;
            /// Saves a message.
            0x0C RopSaveChangesMessage: RopSaveChangesMessageRequest => RopSaveChangesMessageResponse;
            /// Takes all recipients from a message.
            0x0D RopRemoveAllRecipients: RopRemoveAllRecipientsRequest => Empty;
            /// Adds recipients to a message, changes and removes some.
            0x0E RopModifyRecipients: RopModifyRecipientsRequest => Empty;
            /// Asks for recipients of a message.
            0x0F RopReadRecipients: RopReadRecipientsRequest => RopReadRecipientsResponse;
            /// Asks again for what opening a message told.
            0x10 RopReloadCachedInformation:
                RopReloadCachedInformationRequest => Box<RopReloadCachedInformationResponse>;
            /// Changes the status flags of a message.
            0x20 RopSetMessageStatus: RopSetMessageStatusRequest => RopSetMessageStatusResponse;
            /// Asks for the status flags of a message. It is answered as if it had been `RopSetMessageStatus`.
            0x1F RopGetMessageStatus: RopGetMessageStatusRequest => RopSetMessageStatusResponse;
            /// Marks messages of a folder as read or unread.
            0x66 RopSetReadFlags: RopSetReadFlagsRequest => RopSetReadFlagsResponse, asynchronous;
            /// Marks an open message as read or unread.
            0x11 RopSetMessageReadFlag: RopSetMessageReadFlagRequest => RopSetMessageReadFlagResponse;
            /// Opens an attachment.
            0x22 RopOpenAttachment: RopOpenAttachmentRequest => Empty;
            /// Makes an attachment.
            0x23 RopCreateAttachment: RopCreateAttachmentRequest => RopCreateAttachmentResponse;
            /// Deletes an attachment.
            0x24 RopDeleteAttachment: RopDeleteAttachmentRequest => Empty;
            /// Saves an attachment.
            0x25 RopSaveChangesAttachment: RopSaveChangesAttachmentRequest => Empty;
            /// Opens the message in an attachment.
            0x46 RopOpenEmbeddedMessage: RopOpenEmbeddedMessageRequest => Box<RopOpenEmbeddedMessageResponse>;
            /// Opens the table of a message's attachments.
            0x21 RopGetAttachmentTable: RopGetAttachmentTableRequest => Empty;
            /// Asks for the ids of a message's attachments.
            0x52 RopGetValidAttachments: Empty => RopGetValidAttachmentsResponse;

            // 2.2.7 Transport ROPs

            /// Sends a message.
            0x32 RopSubmitMessage: RopSubmitMessageRequest => Empty;
            /// Takes a message back that was submitted.
            0x34 RopAbortSubmit: RopAbortSubmitRequest => Empty;
            /// Asks for the address types that the server sends to.
            0x49 RopGetAddressTypes: Empty => RopGetAddressTypesResponse;
            /// Says that the client is the spooler.
            0x47 RopSetSpooler: Empty => Empty;
            /// Takes a message from the spooler's queue, or gives it back.
            0x48 RopSpoolerLockMessage: RopSpoolerLockMessageRequest => Empty;
            /// Sends a message, and asks which properties it has then.
            0x4A RopTransportSend: Empty => RopTransportSendResponse;
            /// Tells the server of a message that the client's spooler received.
            0x51 RopTransportNewMail: RopTransportNewMailRequest => Empty;
            /// Asks for the folder of messages that wait to be sent.
            0x6D RopGetTransportFolder: Empty => RopGetTransportFolderResponse;
            /// Asks how mail to an address type can be sent.
            0x6F RopOptionsData: RopOptionsDataRequest => RopOptionsDataResponse;

            // 2.2.8 Property ROPs

            /// Asks for the numbers of names.
            0x56 RopGetPropertyIdsFromNames: RopGetPropertyIdsFromNamesRequest => RopGetPropertyIdsFromNamesResponse;
            /// Asks for the names of numbers.
            0x55 RopGetNamesFromPropertyIds: RopGetNamesFromPropertyIdsRequest => RopGetNamesFromPropertyIdsResponse;
            /// Asks for some properties of an object.
            0x07 RopGetPropertiesSpecific: RopGetPropertiesSpecificRequest => RopGetPropertiesSpecificResponse;
            /// Asks for all properties of an object.
            0x08 RopGetPropertiesAll: RopGetPropertiesAllRequest => RopGetPropertiesAllResponse;
            /// Asks which properties an object has.
            0x09 RopGetPropertiesList: Empty => RopGetPropertiesListResponse;
            /// Writes properties of an object.
            0x0A RopSetProperties: RopSetPropertiesRequest => RopSetPropertiesResponse;
            /// Writes properties of an object that are not replicated.
            0x79 RopSetPropertiesNoReplicate:
                RopSetPropertiesNoReplicateRequest => RopSetPropertiesNoReplicateResponse;
            /// Deletes properties of an object.
            0x0B RopDeleteProperties: RopDeletePropertiesRequest => RopDeletePropertiesResponse;
            /// Deletes properties of an object, which is not replicated.
            0x7A RopDeletePropertiesNoReplicate:
                RopDeletePropertiesNoReplicateRequest => RopDeletePropertiesNoReplicateResponse;
            /// Asks which named properties an object has.
            0x5F RopQueryNamedProperties: RopQueryNamedPropertiesRequest => RopQueryNamedPropertiesResponse;
            /// Copies some properties to another object.
            0x67 RopCopyProperties: RopCopyPropertiesRequest => RopCopyPropertiesResponse, asynchronous;
            /// Copies all properties but some to another object.
            0x39 RopCopyTo: RopCopyToRequest => RopCopyToResponse, asynchronous;
            /// Asks how far something is that goes on after it was answered.
            0x50 RopProgress: RopProgressRequest => RopProgressResponse;

            // 2.2.9 Stream ROPs

            /// Opens a property as a stream.
            0x2B RopOpenStream: RopOpenStreamRequest => RopOpenStreamResponse;
            /// Reads from a stream.
            0x2C RopReadStream: RopReadStreamRequest => RopReadStreamResponse;
            /// Writes to a stream.
            0x2D RopWriteStream: RopWriteStreamRequest => RopWriteStreamResponse;
            /// Writes more to a stream than one buffer holds.
            0xA3 RopWriteStreamExtended: RopWriteStreamExtendedRequest => RopWriteStreamExtendedResponse;
            /// Makes what was written to a stream last.
            0x5D RopCommitStream: Empty => Empty;
            /// Asks for the size of a stream.
            0x5E RopGetStreamSize: Empty => RopGetStreamSizeResponse;
            /// Cuts or grows a stream.
            0x2F RopSetStreamSize: RopSetStreamSizeRequest => Empty;
            /// Goes to another place of a stream.
            0x2E RopSeekStream: RopSeekStreamRequest => RopSeekStreamResponse;
            /// Copies from one stream to another.
            0x3A RopCopyToStream: RopCopyToStreamRequest => RopCopyToStreamResponse;
            /// Locks a part of a stream.
            0x5B RopLockRegionStream: RopLockRegionStreamRequest => Empty;
            /// Unlocks a part of a stream.
            0x5C RopUnlockRegionStream: RopUnlockRegionStreamRequest => Empty;
            /// Writes to a stream and makes it last.
            0x90 RopWriteAndCommitStream: RopWriteAndCommitStreamRequest => RopWriteAndCommitStreamResponse;
            /// Opens a second stream on the same value.
            0x3B RopCloneStream: RopCloneStreamRequest => Empty;

            // 2.2.10 Permission ROPs

            /// Changes a folder's permissions.
            0x40 RopModifyPermissions: RopModifyPermissionsRequest => Empty;
            /// Asks for the table of a folder's permissions.
            0x3E RopGetPermissionsTable: RopGetPermissionsTableRequest => Empty;

            // 2.2.11 Rule ROPs

            /// Changes a folder's rules.
            0x41 RopModifyRules: RopModifyRulesRequest => Empty;
            /// Asks for the table of a folder's rules.
            0x3F RopGetRulesTable: RopGetRulesTableRequest => Empty;
            /// Tells which message of the client's store a deferred action message is about.
            0x57 RopUpdateDeferredActionMessages: RopUpdateDeferredActionMessagesRequest => Empty;

            // 2.2.12 Fast Transfer ROPs

            /// Begins an upload.
            0x53 RopFastTransferDestinationConfigure: RopFastTransferDestinationConfigureRequest => Empty;
            /// Uploads a part of a stream.
            0x54 RopFastTransferDestinationPutBuffer:
                RopFastTransferDestinationPutBufferRequest => RopFastTransferDestinationPutBufferResponse;
            /// Uploads a part of a stream.
            0x9D RopFastTransferDestinationPutBufferExtended:
                RopFastTransferDestinationPutBufferExtendedRequest => RopFastTransferDestinationPutBufferExtendedResponse;
            /// Asks for the next part of a stream.
            0x4E RopFastTransferSourceGetBuffer:
                RopFastTransferSourceGetBufferRequest => RopFastTransferSourceGetBufferResponse;
            /// Begins the download of a folder.
            0x4C RopFastTransferSourceCopyFolder: RopFastTransferSourceCopyFolderRequest => Empty;
            /// Begins the download of messages.
            0x4B RopFastTransferSourceCopyMessages: RopFastTransferSourceCopyMessagesRequest => Empty;
            /// Begins the download of an object but for some of it.
            0x4D RopFastTransferSourceCopyTo: RopFastTransferSourceCopyToRequest => Empty;
            /// Begins the download of some of an object.
            0x69 RopFastTransferSourceCopyProperties: RopFastTransferSourceCopyPropertiesRequest => Empty;
            /// Tells one server the version of the other.
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
            /// Uploads what was deleted.
            0x74 RopSynchronizationImportDeletes: RopSynchronizationImportDeletesRequest => Empty;
            /// Uploads that a message was moved.
            0x78 RopSynchronizationImportMessageMove:
                Box<RopSynchronizationImportMessageMoveRequest> => RopSynchronizationImportMessageMoveResponse;
            /// Begins an upload of changes.
            0x7E RopSynchronizationOpenCollector: RopSynchronizationOpenCollectorRequest => Empty;
            /// Asks for the state that a client keeps until next time.
            0x82 RopSynchronizationGetTransferState: RopSynchronizationGetTransferStateRequest => Empty;
            /// Begins to upload a part of the state that a client kept.
            0x75 RopSynchronizationUploadStateStreamBegin: RopSynchronizationUploadStateStreamBeginRequest => Empty;
            /// Goes on uploading it.
            0x76 RopSynchronizationUploadStateStreamContinue:
                RopSynchronizationUploadStateStreamContinueRequest => Empty;
            /// Ends uploading it.
            0x77 RopSynchronizationUploadStateStreamEnd: Empty => Empty;
            /// Tells the server which of the ids that it set aside will not be used.
            0x93 RopSetLocalReplicaMidsetDeleted: RopSetLocalReplicaMidsetDeletedRequest => Empty;
            /// Asks the server to set ids aside.
            0x7F RopGetLocalReplicaIds: RopGetLocalReplicaIdsRequest => RopGetLocalReplicaIdsResponse;

            // 2.2.14 Notification ROPs

            /// Subscribes to what happens.
            0x29 RopRegisterNotification: RopRegisterNotificationRequest => Empty;

            // 2.2.15 Other ROPs

            /// Lets go of a server object. It is not answered.
            0x01 RopRelease: Empty => Unanswered;

            unsolicited {
                /// Tells what happened.
                0x2A RopNotify;
                /// Tells that notifications wait.
                0x6E RopPending;
                /// Tells that the server is busy.
                0xF9 RopBackoff;
                /// Tells that answers do not fit.
                0xFF RopBufferTooSmall;
            }
        }
    };
}
