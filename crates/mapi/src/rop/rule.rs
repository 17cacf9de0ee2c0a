//! Rules of folders ([MS-OXCROPS] 2.2.11, [MS-OXORULE]).

use super::field::{Bytes16, List16, OutputHandleIndex};
use super::format::Rop;
use crate::field::{flags_field, structure};
use crate::property::PropertyList;

flags_field! {
    /// The options of changing rules ([MS-OXORULE] 2.2.1.1).
    pub struct ModifyRulesFlags(u8) {
        /// All existing rules are removed first.
        REPLACE = 0x01,
    }
}

flags_field! {
    /// The kind of change of a rule ([MS-OXORULE] 2.2.1.3).
    pub struct RuleDataFlags(u8) {
        /// The rule is added.
        ROW_ADD = 0x01,
        /// The rule is modified.
        ROW_MODIFY = 0x02,
        /// The rule is removed.
        ROW_REMOVE = 0x04,
    }
}

flags_field! {
    /// The options of a rules table ([MS-OXORULE] 2.2.2.1).
    pub struct RulesTableFlags(u8) {
        /// Texts are UTF-16.
        UNICODE = 0x40,
    }
}

structure! {
    /// `RopModifyRules`: changes the rules of a folder ([MS-OXCROPS] 2.2.11.1.1).
    pub struct RopModifyRulesRequest: Rop as "RopModifyRules" {
        /// Whether existing rules are replaced.
        pub modify_rules_flags: ModifyRulesFlags = "ModifyRulesFlags",
        /// The rules to add, change or remove.
        pub rules_data: List16<RuleData> = "RulesData",
    }
}

structure! {
    /// A change of a rule ([MS-OXCROPS] 2.2.11.1.1.1).
    pub struct RuleData: Rop as "RuleData" {
        /// The kind of change.
        pub rule_data_flags: RuleDataFlags = "RuleDataFlags",
        /// The properties of the rule.
        pub property_values: PropertyList = "PropertyValues",
    }
}

structure! {
    /// `RopGetRulesTable`: opens the table of a folder's rules ([MS-OXCROPS] 2.2.11.2.1).
    pub struct RopGetRulesTableRequest: Rop as "RopGetRulesTable" {
        /// The index in the handle table at which the table's handle is stored.
        pub output_handle_index: OutputHandleIndex = "OutputHandleIndex",
        /// The options of the table.
        pub table_flags: RulesTableFlags = "TableFlags",
    }
}

structure! {
    /// `RopUpdateDeferredActionMessages`: sets the message of the client's store to which deferred action messages
    /// refer ([MS-OXCROPS] 2.2.11.3.1).
    pub struct RopUpdateDeferredActionMessagesRequest: Rop as "RopUpdateDeferredActionMessages" {
        /// The entry id of the message on the server.
        pub server_entry_id: Bytes16 = "ServerEntryId",
        /// The entry id of the message in the client's store.
        pub client_entry_id: Bytes16 = "ClientEntryId",
    }
}
