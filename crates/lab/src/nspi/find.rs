//! Finding objects by restriction, by reference and by name.

use mapi::ErrorCode;
use mapi::nspi::{
    GetMatchesRequest, GetMatchesResponse, MId, PropertyTagArray, ResolveNamesRequest, ResolveNamesResponse,
    ResolveNamesWRequest, ResolveNamesWResponse, Stat,
};
use mapi::property::PropTag;
use rpc::ndr::{Ptr, WcharString};

use super::rows::{EPHEMERAL_IDS, columns, view};
use crate::codepage::CodePage;
use crate::directory::properties::View;
use crate::directory::{Directory, Kind};
use crate::service::Lab;

/// Resolves names, and returns the rows of those that match one object.
type Resolved = (Ptr<mapi::nspi::MIdArray>, Ptr<mapi::nspi::PropertyRowSet>);

impl Lab {
    /// `NspiGetMatches` ([MS-OXNSPI] 3.1.4.1.10).
    pub(super) fn get_matches(&self, request: &GetMatchesRequest) -> GetMatchesResponse {
        self.try_get_matches(request).unwrap_or_else(|return_value| GetMatchesResponse {
            stat: request.stat,
            return_value,
            ..GetMatchesResponse::default()
        })
    }

    fn try_get_matches(&self, request: &GetMatchesRequest) -> Result<GetMatchesResponse, ErrorCode> {
        let mut stat = request.stat;
        let view = view(EPHEMERAL_IDS, stat.code_page)?;
        let limit = usize::try_from(request.requested).unwrap_or(usize::MAX);
        let found = match request.filter.get() {
            Some(filter) => {
                let restriction = filter.to_restriction().ok_or(ErrorCode::MAPI_E_INVALID_PARAMETER)?;
                Directory::check(&restriction, 0)?;
                let rows = &self.table(&stat)?.rows;
                let holds = |entry: &_| self.directory.holds(entry, &restriction, view.code_page);
                self.directory.select(rows, limit, holds)
            }
            None => Some(self.referred(&stat)?).filter(|found| found.len() <= limit),
        };
        let found = found.ok_or(ErrorCode::MAPI_E_TABLE_TOO_BIG)?;
        stat.current_rec = MId::MID_BEGINNING_OF_TABLE;
        stat.delta = 0;
        stat.num_pos = 0;
        stat.total_recs = u32::try_from(found.len()).unwrap_or(u32::MAX);
        let rows = request.prop_tags.get().map(|tags| self.rows(&found, &tags.values, view));
        Ok(GetMatchesResponse {
            stat,
            mids: Ptr::new(found.into_iter().collect()),
            rows: rows.unwrap_or(Ptr::NULL),
            return_value: ErrorCode::SUCCESS,
        })
    }

    /// The objects that a property of the current one refers to. Without a restriction, `ContainerID` is not
    /// a container but that property's tag.
    fn referred(&self, stat: &Stat) -> Result<Vec<MId>, ErrorCode> {
        let property = PropTag(stat.container_id.0);
        let entry = self.directory.entry(stat.current_rec).ok_or(ErrorCode::MAPI_E_NOT_FOUND)?;
        let mids = match &entry.kind {
            Kind::List { members, .. } if property.is_same_property(PropTag::PidTagAddressBookMember) => {
                members
            }
            Kind::Person(person)
                if property.is_same_property(PropTag::PidTagAddressBookIsMemberOfDistributionList) =>
            {
                &person.lists
            }
            _ => return Err(ErrorCode::MAPI_E_NOT_FOUND),
        };
        Ok(self.directory.sort(mids))
    }

    /// `NspiResolveNames` ([MS-OXNSPI] 3.1.4.1.16).
    pub(super) fn resolve_names(&self, request: &ResolveNamesRequest) -> ResolveNamesResponse {
        let names = |code_page: CodePage| {
            let names = request.names.0.iter();
            names
                .map(|name| name.get().map(|name| code_page.decode(&name.text)).unwrap_or_default())
                .collect()
        };
        match self.resolved(&request.stat, &request.prop_tags, names) {
            Ok((mids, rows)) => ResolveNamesResponse { mids, rows, return_value: ErrorCode::SUCCESS },
            Err(return_value) => ResolveNamesResponse { return_value, ..ResolveNamesResponse::default() },
        }
    }

    /// `NspiResolveNamesW` ([MS-OXNSPI] 3.1.4.1.17).
    pub(super) fn resolve_names_w(&self, request: &ResolveNamesWRequest) -> ResolveNamesWResponse {
        let names = |_| {
            let names = request.names.0.iter();
            names.map(|name| name.get().map(WcharString::to_string_lossy).unwrap_or_default()).collect()
        };
        match self.resolved(&request.stat, &request.prop_tags, names) {
            Ok((mids, rows)) => ResolveNamesWResponse { mids, rows, return_value: ErrorCode::SUCCESS },
            Err(return_value) => ResolveNamesWResponse { return_value, ..ResolveNamesWResponse::default() },
        }
    }

    fn resolved(
        &self,
        stat: &Stat,
        tags: &Ptr<PropertyTagArray>,
        names: impl FnOnce(CodePage) -> Vec<String>,
    ) -> Result<Resolved, ErrorCode> {
        let view: View = view(0, stat.code_page)?;
        let table = &self.table(stat)?.rows;
        let names: Vec<String> = names(view.code_page);
        let resolved: Vec<MId> = names.iter().map(|name| self.directory.resolve(table, name)).collect();
        let objects: Vec<MId> =
            resolved.iter().copied().filter(|mid| self.directory.entry(*mid).is_some()).collect();
        let outcome = resolved.into_iter().map(|mid| match mid {
            MId::MID_UNRESOLVED | MId::MID_AMBIGUOUS => mid,
            _ => MId::MID_RESOLVED,
        });
        Ok((Ptr::new(outcome.collect()), self.rows(&objects, columns(tags), view)))
    }
}
