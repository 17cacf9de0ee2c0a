//! The rules of folders ([MS-OXORULE] 3.2.5.2 to 3.2.5.4). Only the owner of a mailbox reads and sets them: they act
//! for the owner.

use mapi::ErrorCode;
use mapi::property::{PropTag, PropType, PropertyValue, TaggedValue};
use mapi::rop::rule::{
    ModifyRulesFlags, RopGetRulesTableRequest, RopModifyRulesRequest, RopUpdateDeferredActionMessagesRequest,
    RuleData, RuleDataFlags, RulesTableFlags,
};
use mapi::rop::{Empty, ResponseBody};
use store::{ContentEdit, MessageFilter, Properties, Rule};

use super::context::Context;
use super::outcome::{Outcome, Success, done};
use crate::codepage::CodePage;
use crate::mailbox::{DEFERRED_ACTION, special};
use crate::refusal::Refusal;
use crate::session::Object;
use crate::session::table::{Notified, Source, Table, TableKind};
use crate::values::convert::{size, stored};
use crate::values::restriction::check;

/// The most rules of a folder, and the most bytes of them.
const RULES_MAX: usize = 100;
const RULES_BYTES_MAX: usize = 0x4_0000;
/// Flags of `PidTagRuleState` that only the server sets: `ST_ERROR`, `ST_RULE_PARSE_ERROR` ([MS-OXORULE] 2.2.1.3.1.3).
const SERVER_STATE: i64 = 0x42;

/// `RopModifyRules` ([MS-OXORULE] 3.2.5.2). All changes are made, or none.
pub(super) fn modify(context: &Context<'_>, request: &RopModifyRulesRequest) -> Outcome {
    let ((logon, folder), backend) = (context.folder()?, context.backend());
    if !logon.is_owner() {
        return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
    }
    if request.modify_rules_flags.0 & !ModifyRulesFlags::REPLACE.0 != 0 {
        return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into());
    }
    let (mailbox, code_page) = (logon.mailbox.id, context.session.code_page);
    backend.write(backend.now(), |change| {
        let replaces = request.modify_rules_flags.contains(ModifyRulesFlags::REPLACE);
        let mut rules = if replaces { Vec::new() } else { change.rules(mailbox, folder)? };
        for data in &request.rules_data.0 {
            apply(&mut rules, data, code_page)?;
        }
        let values = rules.iter().flat_map(|rule| rule.properties.iter());
        let bytes = values.fold(0_usize, |sum, (_, value)| sum.saturating_add(rule_size(value)));
        if rules.len() > RULES_MAX || bytes > RULES_BYTES_MAX {
            return Err(Refusal(ErrorCode::MAPI_E_NOT_ENOUGH_MEMORY));
        }
        Ok(change.set_rules(mailbox, folder, &rules)?)
    })?;
    done(ResponseBody::RopModifyRules(Empty))
}

/// The size of a property of a rule, about.
fn rule_size(value: &PropertyValue) -> usize {
    match value {
        PropertyValue::Restriction(_) | PropertyValue::RuleAction(_) => {
            let mut w = wire::Writer::new();
            value.write(&mut w, mapi::property::Layout::Rop).map_or(usize::MAX, |()| w.len())
        }
        other => size(other),
    }
}

/// Adds, changes or removes a rule.
fn apply(rules: &mut Vec<Rule>, data: &RuleData, code_page: CodePage) -> Result<(), Refusal> {
    let values = &data.property_values.0;
    let id = values.iter().find(|value| value.tag.is_same_property(PropTag::PidTagRuleId));
    let id = id.and_then(|value| value.value.to_integer()).and_then(|id| u32::try_from(id).ok());
    let place = rules.iter().position(|rule| Some(rule.id) == id);
    match data.rule_data_flags {
        RuleDataFlags::ROW_ADD => {
            let last = rules.iter().map(|rule| rule.id).max().unwrap_or_default();
            let id = last.checked_add(1).ok_or(ErrorCode::MAPI_E_NOT_ENOUGH_MEMORY)?;
            let mut rule = Rule { id, code_page: code_page.number(), properties: Properties::new() };
            set(&mut rule, values, code_page)?;
            rules.push(rule);
        }
        RuleDataFlags::ROW_MODIFY => {
            let rule = place.and_then(|place| rules.get_mut(place)).ok_or(ErrorCode::MAPI_E_NOT_FOUND)?;
            set(rule, values, code_page)?;
        }
        RuleDataFlags::ROW_REMOVE => drop(rules.remove(place.ok_or(ErrorCode::MAPI_E_NOT_FOUND)?)),
        _ => return Err(ErrorCode::MAPI_E_INVALID_PARAMETER.into()),
    }
    Ok(())
}

/// Sets properties of a rule.
fn set(rule: &mut Rule, values: &[TaggedValue], code_page: CodePage) -> Result<(), Refusal> {
    for TaggedValue { tag, value } in values {
        if let PropertyValue::Restriction(condition) = value {
            check(condition)?;
            rule.code_page = code_page.number();
        }
        let value = match value {
            PropertyValue::Integer32(state) if tag.is_same_property(PropTag::PidTagRuleState) => {
                let state = i64::from(*state) & !SERVER_STATE;
                PropertyValue::Integer32(i32::try_from(state).unwrap_or_default())
            }
            other => stored(other, code_page),
        };
        if !tag.is_same_property(PropTag::PidTagRuleId) && tag.prop_type() != PropType::PtypUnspecified {
            rule.properties.set(*tag, value);
        }
    }
    Ok(())
}

/// `RopGetRulesTable` ([MS-OXORULE] 3.2.5.3).
pub(super) fn table(context: &Context<'_>, request: &RopGetRulesTableRequest) -> Outcome {
    let (logon, folder) = context.folder()?;
    if request.table_flags.0 & !RulesTableFlags::UNICODE.0 != 0 {
        return Err(ErrorCode::MAPI_E_NO_SUPPORT.into());
    }
    if !logon.is_owner() {
        return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
    }
    let rules = context.backend().read(|view| view.rules(logon.mailbox.id, folder))?;
    let rows = rules.into_iter().map(|rule| {
        let mut row = rule.properties;
        row.set(PropTag::PidTagRuleId, PropertyValue::Integer64(i64::from(rule.id)));
        row
    });
    let table = Table::new(Source::Fixed(rows.collect(), TableKind::Rules), Notified::Never);
    Ok(Success::opened(ResponseBody::RopGetRulesTable(Empty), &logon, Object::Table(Box::new(table))))
}

/// `RopUpdateDeferredActionMessages` ([MS-OXORULE] 3.2.5.4): the client has the message of deferred actions under
/// another id.
pub(super) fn update_deferred(
    context: &Context<'_>,
    request: &RopUpdateDeferredActionMessagesRequest,
) -> Outcome {
    let (logon, backend) = (context.on_logon()?, context.backend());
    if !logon.is_owner() {
        return Err(ErrorCode::MAPI_E_NO_ACCESS.into());
    }
    let (mailbox, folder) = (logon.mailbox.id, special(DEFERRED_ACTION));
    let tag = PropTag::PidTagDamOriginalEntryId;
    backend.write(backend.now(), |change| {
        let mut found = Vec::new();
        change.for_each_message(mailbox, folder, MessageFilter::default(), |message, properties| {
            let id = properties.get(tag).and_then(PropertyValue::as_bytes);
            if id == Some(&*request.server_entry_id.0) {
                found.push(message.id);
            }
            Ok(())
        })?;
        for id in found {
            let set = Properties::from([
                (tag, PropertyValue::Binary(request.client_entry_id.0.to_vec())),
                (PropTag::PidTagDamBackPatched, PropertyValue::Boolean(true)),
            ]);
            change.change_message(mailbox, id, &ContentEdit { set, ..ContentEdit::default() }, None)?;
        }
        Ok::<_, Refusal>(())
    })?;
    done(ResponseBody::RopUpdateDeferredActionMessages(Empty))
}
