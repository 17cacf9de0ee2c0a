//! The ROPs of mailboxes, folders, tables, permissions, rules and subscriptions.

use mapi::rop::folder::{
    DeleteMessagesRequest, ExistingFolder, FolderType, MoveCompletion, RopCopyFolderRequest,
    RopCreateFolderRequest, RopCreateFolderResponse, RopGetSearchCriteriaResponse,
    RopMoveCopyMessagesRequest, RopMoveFolderRequest, RopOpenFolderResponse, RopSetSearchCriteriaRequest,
    SearchRequestFlags, SearchResponseFlags,
};
use mapi::rop::logon::{
    LogonFlags, LogonRedirect, LogonTime, OpenFlags, PrivateLogon, PublicLogon, ResponseFlags,
    RopLogonRequest, RopLogonResponse,
};
use mapi::rop::logon_store::{
    RopGetOwningServersResponse, RopGetPerUserLongTermIdsResponse, RopGetReceiveFolderRequest,
    RopGetReceiveFolderResponse, RopPublicFolderIsGhostedResponse, RopReadPerUserInformationResponse,
    RopSetReceiveFolderRequest, RopWritePerUserInformationRequest,
};
use mapi::rop::notification::{
    NotificationScope, NotificationTypes, RopRegisterNotificationRequest, WantWholeStore,
};
use mapi::rop::permission::{ModifyFlags, PermissionData, PermissionDataFlags, RopModifyPermissionsRequest};
use mapi::rop::rule::{
    ModifyRulesFlags, RopModifyRulesRequest, RopUpdateDeferredActionMessagesRequest, RuleData, RuleDataFlags,
};
use mapi::rop::table::{
    AsynchronousFlags, Bookmark, BookmarkFields, CollapseStateFields, FindRowFlags, RopFindRowRequest,
    RopFindRowResponse, RopQueryColumnsAllResponse, RopRestrictRequest, RopSeekRowBookmarkRequest,
    RopSetColumnsRequest, RopSortTableRequest,
};

use mapi::property::{PropTag, Row};
use mapi::rop::Bool;
use wire::Guid;

use super::sample::{Sample, SampleBy, sample, sample_newtypes};
use super::values::row;
use crate::input::Input;

sample_newtypes!(
    FolderType,
    SearchRequestFlags,
    SearchResponseFlags,
    AsynchronousFlags,
    Bookmark,
    FindRowFlags,
    ModifyFlags,
    PermissionDataFlags,
    ModifyRulesFlags,
    RuleDataFlags,
    NotificationTypes,
    LogonFlags,
    OpenFlags,
    ResponseFlags,
    WantWholeStore
);

sample! {
    LogonTime { seconds, minutes, hour, day_of_week, day, month, year }
    RopOpenFolderResponse { has_rules, is_ghosted, servers by is_ghosted }
    RopCreateFolderRequest { output_handle_index, folder_type, use_unicode_strings, open_existing, reserved, display_name by use_unicode_strings, comment by use_unicode_strings }
    RopCreateFolderResponse { folder_id, is_existing_folder, existing by is_existing_folder }
    ExistingFolder { has_rules, is_ghosted, servers by is_ghosted }
    RopSetSearchCriteriaRequest { restriction_data, folder_ids, search_flags }
    RopGetSearchCriteriaResponse { restriction_data, logon_id, folder_ids, search_flags }
    RopMoveCopyMessagesRequest { dest_handle_index, message_ids, want_asynchronous, want_copy }
    RopMoveFolderRequest { dest_handle_index, want_asynchronous, use_unicode, folder_id, new_folder_name by use_unicode }
    RopCopyFolderRequest { dest_handle_index, want_asynchronous, want_recursive, use_unicode, folder_id, new_folder_name by use_unicode }
    DeleteMessagesRequest { want_asynchronous, notify_non_read, message_ids }
    RopGetReceiveFolderRequest { message_class }
    RopGetReceiveFolderResponse { folder_id, explicit_message_class }
    RopSetReceiveFolderRequest { folder_id, message_class }
    RopGetOwningServersResponse { owning_servers }
    RopPublicFolderIsGhostedResponse { is_ghosted, servers by is_ghosted }
    RopGetPerUserLongTermIdsResponse { long_term_ids }
    RopReadPerUserInformationResponse { has_finished, data }
    RopSetColumnsRequest { set_columns_flags, property_tags }
    RopSortTableRequest { sort_table_flags, sort_orders }
    RopRestrictRequest { restrict_flags, restriction_data }
    RopSeekRowBookmarkRequest { bookmark, row_count, want_row_moved_count }
    BookmarkFields { bookmark }
    RopQueryColumnsAllResponse { property_tags }
    RopFindRowRequest { find_row_flags, restriction_data, origin, bookmark }
    CollapseStateFields { collapse_state }
    RopModifyPermissionsRequest { modify_flags, permissions_data }
    PermissionData { permission_data_flags, property_values }
    RopModifyRulesRequest { modify_rules_flags, rules_data }
    RuleData { rule_data_flags, property_values }
    RopUpdateDeferredActionMessagesRequest { server_entry_id, client_entry_id }
    RopRegisterNotificationRequest { output_handle_index, notification_types, reserved by notification_types, want_whole_store, scope by want_whole_store }
    NotificationScope { folder_id, message_id }
    RopLogonRequest { logon_flags, open_flags, store_state, essdn }
    PrivateLogon { logon_flags, folder_ids, response_flags, mailbox_guid, replica_id, replica_guid, logon_time, gwart_time, store_state }
    PublicLogon { logon_flags, folder_ids, replica_id, replica_guid, per_user_guid }
    LogonRedirect { logon_flags, server_name }
}

impl SampleBy<NotificationTypes> for Option<u8> {
    fn sample_by(input: &mut Input<'_>, by: &NotificationTypes) -> Self {
        by.contains(NotificationTypes::EXTENDED).then(|| input.byte())
    }
}

impl SampleBy<WantWholeStore> for Option<NotificationScope> {
    fn sample_by(input: &mut Input<'_>, by: &WantWholeStore) -> Self {
        (!by.is_true()).then(|| Sample::sample(input))
    }
}

/// A request in a private mailbox.
impl Sample for RopWritePerUserInformationRequest {
    fn sample(input: &mut Input<'_>) -> Self {
        let data_offset = u32::from(input.byte() % 2);
        Self {
            folder_id: Sample::sample(input),
            has_finished: Sample::sample(input),
            data_offset,
            data: Sample::sample(input),
            repl_guid: (data_offset == 0).then(|| Guid::sample(input)),
        }
    }
}

/// An open mailbox, or the public folders.
pub(super) fn open_logon(input: &mut Input<'_>) -> RopLogonResponse {
    if input.byte().is_multiple_of(2) {
        let mut logon = PrivateLogon::sample(input);
        logon.logon_flags = logon.logon_flags | LogonFlags::PRIVATE;
        RopLogonResponse::Private(Box::new(logon))
    } else {
        let mut logon = PublicLogon::sample(input);
        logon.logon_flags = logon.logon_flags.without(LogonFlags::PRIVATE);
        RopLogonResponse::Public(Box::new(logon))
    }
}

/// Whether everything was moved or copied, to a folder that may be missing.
pub(super) fn move_completion(input: &mut Input<'_>, missing: bool) -> MoveCompletion {
    MoveCompletion {
        dest_handle_index: missing.then(|| Sample::sample(input)),
        partial_completion: Sample::sample(input),
    }
}

/// The row that was found, of a table with these columns.
pub(super) fn find_row(input: &mut Input<'_>, columns: &[PropTag]) -> RopFindRowResponse {
    let has_row_data = Bool::sample(input);
    let some = has_row_data.is_true();
    RopFindRowResponse {
        row_no_longer_visible: Sample::sample(input),
        has_row_data,
        row_data: some.then(|| Row::new(columns.to_vec(), row(input, columns))),
    }
}
