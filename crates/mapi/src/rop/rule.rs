//! Rules of folders ([MS-OXCROPS] 2.2.11, [MS-OXORULE]).

use super::field::{Bytes16, List16, OutputHandleIndex, rop_flags};
use super::macros::rop_struct;
use crate::property::PropertyList;

rop_flags! {
    /// How rules are changed ([MS-OXORULE] 2.2.1.1).
    pub struct ModifyRulesFlags(u8) {
        /// All that there are go first.
        REPLACE = 0x01,
    }
}

rop_flags! {
    /// What happens to a rule ([MS-OXORULE] 2.2.1.3).
    pub struct RuleDataFlags(u8) {
        /// It is added.
        ROW_ADD = 0x01,
        /// It is changed.
        ROW_MODIFY = 0x02,
        /// It is removed.
        ROW_REMOVE = 0x04,
    }
}

rop_flags! {
    /// What a table of rules shows ([MS-OXORULE] 2.2.2.1).
    pub struct RulesTableFlags(u8) {
        /// Texts are in UTF-16.
        UNICODE = 0x40,
    }
}

rop_struct! {
    /// Changes a folder's rules ([MS-OXCROPS] 2.2.11.1.1).
    pub struct RopModifyRulesRequest as "RopModifyRules" {
        /// How.
        pub modify_rules_flags: ModifyRulesFlags = "ModifyRulesFlags",
        /// Which.
        pub rules_data: List16<RuleData> = "RulesData",
    }
}

rop_struct! {
    /// A rule that is changed ([MS-OXCROPS] 2.2.11.1.1.1).
    pub struct RuleData as "RuleData" {
        /// What happens to it.
        pub rule_data_flags: RuleDataFlags = "RuleDataFlags",
        /// What it is.
        pub property_values: PropertyList = "PropertyValues",
    }
}

rop_struct! {
    /// Asks for the table of a folder's rules ([MS-OXCROPS] 2.2.11.2.1).
    pub struct RopGetRulesTableRequest as "RopGetRulesTable" {
        /// Where its handle goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// What it shows.
        pub table_flags: RulesTableFlags = "TableFlags",
    }
}

rop_struct! {
    /// Tells which message of the client's store a deferred action message is about
    /// ([MS-OXCROPS] 2.2.11.3.1).
    pub struct RopUpdateDeferredActionMessagesRequest as "RopUpdateDeferredActionMessages" {
        /// The message's entry id on the server.
        pub server_entry_id: Bytes16 = "ServerEntryId",
        /// The message's entry id in the client's store.
        pub client_entry_id: Bytes16 = "ClientEntryId",
    }
}
