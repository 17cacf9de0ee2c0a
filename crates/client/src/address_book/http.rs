//! A session with the address book by MAPI over HTTP ([MS-OXCMAPIHTTP] 2.2.5).

use mapi::ErrorCode;
use mapi::mapihttp::nspi::{
    BindRequest, ColumnsAndRows, DNToMIdRequest, Filter, GetMatchesRequest, GetPropsRequest,
    GetSpecialTableRequest, Names, QueryRowsRequest, ResolveNamesRequest, UnbindRequest,
};
use mapi::mapihttp::{AuxiliaryBuffer, Maybe, String8};
use mapi::nspi::{MId, Stat};
use mapi::property::{PropTag, PropertyList, Restriction, TaggedValue};
use wire::Utf16;

use super::defaults::{EPHEMERAL_IDS, UNICODE_STRINGS, stat};
use crate::error::{Error, Failure, check};
use crate::http::{HttpSession, post};

/// No auxiliary blocks.
const AUX: AuxiliaryBuffer = AuxiliaryBuffer::NONE;

/// A session with the address book over HTTP.
#[derive(Debug)]
pub(super) struct HttpBook {
    session: HttpSession,
}

impl HttpBook {
    pub(super) async fn bind(mut session: HttpSession) -> Result<Self, Error> {
        let request = BindRequest { flags: 0, stat: Maybe::new(stat()), aux: AUX };
        let (operation, response) = post!(session, nspi, Bind, request)?;
        check(operation, response.error_code)?;
        Ok(Self { session })
    }

    pub(super) async fn hierarchy(&mut self) -> Result<Vec<PropertyList>, Error> {
        let request = GetSpecialTableRequest {
            flags: UNICODE_STRINGS,
            stat: Maybe::new(stat()),
            version: Maybe::new(0),
            aux: AUX,
        };
        let (operation, response) = post!(self.session, nspi, GetSpecialTable, request)?;
        check(operation, response.error_code)?;
        Ok(response.rows.get().cloned().unwrap_or_default())
    }

    pub(super) async fn query_rows(
        &mut self,
        stat: Stat,
        count: u32,
        columns: &[PropTag],
    ) -> Result<(Stat, Vec<PropertyList>), Error> {
        let request = QueryRowsRequest {
            flags: EPHEMERAL_IDS,
            stat: Maybe::new(stat),
            explicit_table: Vec::new(),
            row_count: count,
            columns: Maybe::new(columns.to_vec()),
            aux: AUX,
        };
        let (operation, response) = post!(self.session, nspi, QueryRows, request)?;
        check(operation, response.error_code)?;
        let stat = *response.stat.get().ok_or(Error::new(operation, Failure::Missing("State")))?;
        Ok((stat, rows(&response.rows)))
    }

    pub(super) async fn get_matches(
        &mut self,
        restriction: Restriction,
        limit: u32,
        columns: &[PropTag],
    ) -> Result<(Vec<MId>, Vec<PropertyList>), Error> {
        let request = GetMatchesRequest {
            reserved: 0,
            stat: Maybe::new(stat()),
            mids: Maybe::Absent,
            interface_option_flags: 0,
            filter: Maybe::new(Filter { restriction, value_flags: true }),
            property_name: Maybe::Absent,
            row_count: limit,
            columns: Maybe::new(columns.to_vec()),
            aux: AUX,
        };
        let (operation, response) = post!(self.session, nspi, GetMatches, request)?;
        check(operation, response.error_code)?;
        Ok((mids(&response.mids), rows(&response.rows)))
    }

    pub(super) async fn resolve_names(
        &mut self,
        names: &[&str],
        columns: &[PropTag],
    ) -> Result<(Vec<MId>, Vec<PropertyList>), Error> {
        let request = ResolveNamesRequest {
            reserved: 0,
            stat: Maybe::new(stat()),
            prop_tags: Maybe::new(columns.to_vec()),
            names: Maybe::new(Names::new(names.iter().map(|name| Utf16::new(name)).collect())),
            aux: AUX,
        };
        let (operation, response) = post!(self.session, nspi, ResolveNames, request)?;
        check(operation, response.error_code)?;
        Ok((mids(&response.mids), rows(&response.rows)))
    }

    pub(super) async fn get_props(&mut self, stat: Stat, columns: &[PropTag]) -> Result<PropertyList, Error> {
        let request = GetPropsRequest {
            flags: 0,
            stat: Maybe::new(stat),
            prop_tags: Maybe::new(columns.to_vec()),
            aux: AUX,
        };
        let (operation, response) = post!(self.session, nspi, GetProps, request)?;
        check(operation, response.error_code)?;
        let values = response.values.get().cloned();
        values.ok_or(Error::new(operation, Failure::Missing("PropertyValues")))
    }

    pub(super) async fn dn_to_mid(&mut self, names: &[&str]) -> Result<Vec<MId>, Error> {
        let names = Names::new(names.iter().map(|name| String8::from(*name)).collect());
        let request = DNToMIdRequest { reserved: 0, names: Maybe::new(names), aux: AUX };
        let (operation, response) = post!(self.session, nspi, DNToMId, request)?;
        check(operation, response.error_code)?;
        Ok(mids(&response.mids))
    }

    pub(super) async fn unbind(&mut self) -> Result<(), Error> {
        let request = UnbindRequest { reserved: 0, aux: AUX };
        let (operation, response) = post!(self.session, nspi, Unbind, request)?;
        match response.error_code {
            ErrorCode::UNBIND_SUCCESS => Ok(()),
            other => Err(Error::new(operation, Failure::Returned(other))),
        }
    }
}

/// The rows with the columns that have a value.
fn rows(found: &Maybe<ColumnsAndRows>) -> Vec<PropertyList> {
    let Some(ColumnsAndRows { columns, rows }) = found.get() else { return Vec::new() };
    let tagged = |(tag, value): (PropTag, Option<&mapi::property::PropertyValue>)| {
        Some(TaggedValue::new(tag, value?.clone()))
    };
    rows.iter().map(|row| PropertyList(row.iter(columns).filter_map(tagged).collect())).collect()
}

fn mids(found: &Maybe<Vec<MId>>) -> Vec<MId> {
    found.get().cloned().unwrap_or_default()
}
