//! Rules of folders ([MS-OXCROPS] 2.2.11, [MS-OXORULE]).

use super::field::{Bytes16, List16, OutputHandleIndex};
use super::format::Rop;
use crate::field::{flags_field, structure};
use crate::property::PropertyList;

flags_field! {
    /// How rules are changed ([MS-OXORULE] 2.2.1.1).
    pub struct ModifyRulesFlags(u8) {
        /// All that there are go first.
        REPLACE = 0x01,
    }
}

flags_field! {
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

flags_field! {
    /// What a table of rules shows ([MS-OXORULE] 2.2.2.1).
    pub struct RulesTableFlags(u8) {
        /// Texts are in UTF-16.
        UNICODE = 0x40,
    }
}

structure! {
    /// Changes a folder's rules ([MS-OXCROPS] 2.2.11.1.1).
    pub struct RopModifyRulesRequest: Rop as "RopModifyRules" {
        /// How.
        pub modify_rules_flags: ModifyRulesFlags = "ModifyRulesFlags",
        /// Which.
        pub rules_data: List16<RuleData> = "RulesData",
    }
}

structure! {
    /// A rule that is changed ([MS-OXCROPS] 2.2.11.1.1.1).
    pub struct RuleData: Rop as "RuleData" {
        /// What happens to it.
        pub rule_data_flags: RuleDataFlags = "RuleDataFlags",
        /// What it is.
        pub property_values: PropertyList = "PropertyValues",
    }
}

structure! {
    /// Asks for the table of a folder's rules ([MS-OXCROPS] 2.2.11.2.1).
    pub struct RopGetRulesTableRequest: Rop as "RopGetRulesTable" {
        /// Where its handle goes.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// What it shows.
        pub table_flags: RulesTableFlags = "TableFlags",
    }
}

structure! {
    /// Tells which message of the client's store a deferred action message is about
    /// ([MS-OXCROPS] 2.2.11.3.1).
    pub struct RopUpdateDeferredActionMessagesRequest: Rop as "RopUpdateDeferredActionMessages" {
        /// The message's entry id on the server.
        pub server_entry_id: Bytes16 = "ServerEntryId",
        /// The message's entry id in the client's store.
        pub client_entry_id: Bytes16 = "ClientEntryId",
    }
}
