//! The rules of a folder ([MS-OXORULE]).

use mapi::data::RuleAction;
use mapi::property::{PropTag, PropertyList, PropertyValue, Restriction, TaggedValue};
use mapi::rop::rule::{
    ModifyRulesFlags, RopGetRulesTableRequest, RopModifyRulesRequest, RuleData, RuleDataFlags,
    RulesTableFlags,
};
use mapi::rop::{List16, RequestBody};

use crate::error::Error;
use crate::folder::Folder;
use crate::properties::Properties;
use crate::table::TableQuery;

/// `ST_ENABLED` of `PidTagRuleState` ([MS-OXORULE] 2.2.1.3.1.3).
const ENABLED: i32 = 0x1;

/// A rule of a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// `PidTagRuleId`, which the server assigns; ignored when a rule is added.
    pub id: i64,
    /// `PidTagRuleSequence`: rules are evaluated in ascending order.
    pub sequence: i32,
    /// `PidTagRuleState`: flags of [MS-OXORULE] 2.2.1.3.1.3.
    pub state: i32,
    /// `PidTagRuleName`.
    pub name: String,
    /// `PidTagRuleProvider`: the client that maintains the rule.
    pub provider: String,
    /// `PidTagRuleCondition`; `None` for all messages.
    pub condition: Option<Restriction>,
    /// `PidTagRuleActions`.
    pub actions: RuleAction,
}

impl Rule {
    const COLUMNS: &[PropTag] = &[
        PropTag::PidTagRuleId,
        PropTag::PidTagRuleSequence,
        PropTag::PidTagRuleState,
        PropTag::PidTagRuleName,
        PropTag::PidTagRuleProvider,
        PropTag::PidTagRuleCondition,
        PropTag::PidTagRuleActions,
    ];

    /// An enabled rule, to be added.
    pub fn new(name: &str, condition: Option<Restriction>, actions: RuleAction) -> Self {
        Self {
            id: 0,
            sequence: 0,
            state: ENABLED,
            name: name.to_owned(),
            provider: "RuleOrganizer".to_owned(),
            condition,
            actions,
        }
    }

    /// Whether the rule is evaluated (`ST_ENABLED`).
    pub const fn is_enabled(&self) -> bool {
        self.state & ENABLED != 0
    }

    fn of_row(row: &Properties) -> Self {
        let number = |tag| row.integer(tag).and_then(|number| i32::try_from(number).ok()).unwrap_or_default();
        let condition = match row.get(PropTag::PidTagRuleCondition) {
            Some(PropertyValue::Restriction(condition)) => Some((**condition).clone()),
            _ => None,
        };
        let actions = match row.get(PropTag::PidTagRuleActions) {
            Some(PropertyValue::RuleAction(actions)) => (**actions).clone(),
            _ => RuleAction(Vec::new()),
        };
        Self {
            id: row.integer(PropTag::PidTagRuleId).unwrap_or_default(),
            sequence: number(PropTag::PidTagRuleSequence),
            state: number(PropTag::PidTagRuleState),
            name: row.text(PropTag::PidTagRuleName).unwrap_or_default(),
            provider: row.text(PropTag::PidTagRuleProvider).unwrap_or_default(),
            condition,
            actions,
        }
    }

    fn values(&self) -> Vec<TaggedValue> {
        let mut values = vec![
            TaggedValue::new(PropTag::PidTagRuleSequence, PropertyValue::Integer32(self.sequence)),
            TaggedValue::new(PropTag::PidTagRuleState, PropertyValue::Integer32(self.state)),
            TaggedValue::new(PropTag::PidTagRuleName, PropertyValue::from(self.name.as_str())),
            TaggedValue::new(PropTag::PidTagRuleProvider, PropertyValue::from(self.provider.as_str())),
            TaggedValue::new(
                PropTag::PidTagRuleActions,
                PropertyValue::RuleAction(Box::new(self.actions.clone())),
            ),
        ];
        if let Some(condition) = &self.condition {
            let condition = PropertyValue::Restriction(Box::new(condition.clone()));
            values.push(TaggedValue::new(PropTag::PidTagRuleCondition, condition));
        }
        values
    }
}

impl Folder {
    /// The rules of the folder (`RopGetRulesTable`).
    ///
    /// # Errors
    /// If the user is not the owner of the mailbox, or a ROP fails.
    pub async fn rules(&self) -> Result<Vec<Rule>, Error> {
        let table = TableQuery::new(self.object(), Rule::COLUMNS, |output_handle_index| {
            let table_flags = RulesTableFlags::UNICODE;
            RequestBody::RopGetRulesTable(RopGetRulesTableRequest { output_handle_index, table_flags })
        });
        Ok(table.all().await?.iter().map(Rule::of_row).collect())
    }

    /// Adds a rule; the server assigns its id (`RopModifyRules`).
    ///
    /// # Errors
    /// If the user is not the owner of the mailbox, or the server does not accept the rule.
    pub async fn add_rule(&self, rule: &Rule) -> Result<(), Error> {
        self.modify_rule(RuleDataFlags::ROW_ADD, rule.values()).await
    }

    /// Deletes the rule with the id `id` (`RopModifyRules`).
    ///
    /// # Errors
    /// If there is no such rule, or the user is not the owner of the mailbox.
    pub async fn delete_rule(&self, id: i64) -> Result<(), Error> {
        let id = TaggedValue::new(PropTag::PidTagRuleId, PropertyValue::Integer64(id));
        self.modify_rule(RuleDataFlags::ROW_REMOVE, vec![id]).await
    }

    async fn modify_rule(
        &self,
        rule_data_flags: RuleDataFlags,
        values: Vec<TaggedValue>,
    ) -> Result<(), Error> {
        let data = RuleData { rule_data_flags, property_values: PropertyList(values) };
        let request = RopModifyRulesRequest {
            modify_rules_flags: ModifyRulesFlags::NONE,
            rules_data: List16(vec![data]),
        };
        self.object().call(RequestBody::RopModifyRules(request)).await.map(drop)
    }
}
