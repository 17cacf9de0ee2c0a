//! Finding objects by restriction, by reference and by name.

use mapi::ErrorCode;
use mapi::nspi::{MId, Stat};
use mapi::property::{PropTag, Restriction};

use super::rows::{EPHEMERAL_IDS, Rows, columns_or_default, view};
use crate::codepage::CodePage;
use crate::directory::{Directory, Kind};
use crate::service::Lab;

/// What `NspiGetMatches` found.
#[derive(Debug)]
pub(crate) struct Matches {
    /// The table of the found objects, at its beginning.
    pub(crate) stat: Stat,
    pub(crate) mids: Vec<MId>,
    /// Their rows, if columns were requested.
    pub(crate) rows: Option<Rows>,
}

impl Lab {
    /// `NspiGetMatches` ([MS-OXNSPI] 3.1.4.1.10): the objects that meet `filter`; without it, those to which a property
    /// of the current one refers. More than `limit` are an error.
    pub(crate) fn get_matches(
        &self,
        mut stat: Stat,
        filter: Option<&Restriction>,
        limit: u32,
        columns: Option<&[PropTag]>,
    ) -> Result<Matches, ErrorCode> {
        let view = view(EPHEMERAL_IDS, stat.code_page)?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let found = match filter {
            Some(restriction) => {
                Directory::check(restriction, 0)?;
                let rows = &self.table(&stat)?.rows;
                let holds = |entry: &_| self.directory.holds(entry, restriction, view.code_page);
                self.directory.select(rows, limit, holds)
            }
            None => Some(self.referred(&stat)?).filter(|found| found.len() <= limit),
        };
        let mids = found.ok_or(ErrorCode::MAPI_E_TABLE_TOO_BIG)?;
        stat.current_rec = MId::MID_BEGINNING_OF_TABLE;
        stat.delta = 0;
        stat.num_pos = 0;
        stat.total_recs = u32::try_from(mids.len()).unwrap_or(u32::MAX);
        let rows = columns.map(|columns| self.rows(&mids, columns, view)).transpose()?;
        Ok(Matches { stat, mids, rows })
    }

    /// The objects that a property of the current one refers to. Without a restriction, `ContainerID` is not
    /// a container but that property's tag. The values of other properties refer to no objects.
    fn referred(&self, stat: &Stat) -> Result<Vec<MId>, ErrorCode> {
        let property = PropTag(stat.container_id.0);
        let entry = self.directory.entry(stat.current_rec).ok_or(ErrorCode::MAPI_E_CALL_FAILED)?;
        let mids = match &entry.kind {
            Kind::List { members, .. } if property.is_same_property(PropTag::PidTagAddressBookMember) => {
                members.as_slice()
            }
            Kind::Person(person)
                if property.is_same_property(PropTag::PidTagAddressBookIsMemberOfDistributionList) =>
            {
                person.lists.as_slice()
            }
            _ => &[],
        };
        Ok(self.directory.sort(mids))
    }

    /// `NspiResolveNames` and `NspiResolveNamesW` ([MS-OXNSPI] 3.1.4.1.16, 3.1.4.1.17) for the names that `names`
    /// returns for the code page of `stat`: the outcome for each, and the rows of those that match one object.
    pub(crate) fn resolve_names(
        &self,
        stat: &Stat,
        columns: Option<&[PropTag]>,
        names: impl FnOnce(CodePage) -> Vec<String>,
    ) -> Result<(Vec<MId>, Rows), ErrorCode> {
        let view = view(0, stat.code_page)?;
        let table = &self.table(stat)?.rows;
        let names = names(view.code_page);
        let resolved: Vec<MId> = names.iter().map(|name| self.directory.resolve(table, name)).collect();
        let objects: Vec<MId> =
            resolved.iter().copied().filter(|mid| self.directory.entry(*mid).is_some()).collect();
        let outcome = resolved.into_iter().map(|mid| match mid {
            MId::MID_UNRESOLVED | MId::MID_AMBIGUOUS => mid,
            _ => MId::MID_RESOLVED,
        });
        Ok((outcome.collect(), self.rows(&objects, columns_or_default(columns), view)?))
    }
}
