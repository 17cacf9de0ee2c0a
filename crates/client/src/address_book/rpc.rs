//! A session with the address book by NSPI ([MS-OXNSPI]).

use mapi::ErrorCode;
use mapi::nspi::{
    BindRequest, DNToMIdRequest, FlatUid, GetMatchesRequest, GetPropsRequest, GetSpecialTableRequest, MId,
    MIdArray, PropertyRow, PropertyRowSet, PropertyTagArray, QueryRowsRequest, ResolveNamesWRequest, Stat,
    TagArray, UnbindRequest, WStringsArray,
};
use mapi::property::{PropTag, PropertyList, Restriction};
use rpc::ndr::{CharString, ContextHandle, Counted, Ptr, SizedPtr, WcharString};

use super::defaults::{EPHEMERAL_IDS, UNICODE_STRINGS, stat};
use crate::connection::{Connection, ask};
use crate::error::{Error, Failure, check};

/// A session with the address book over RPC.
#[derive(Debug)]
pub(super) struct RpcBook {
    connection: Connection,
    handle: ContextHandle,
}

impl RpcBook {
    pub(super) async fn bind(mut connection: Connection) -> Result<Self, Error> {
        let request = BindRequest { flags: 0, stat: stat(), server_guid: Ptr::new(FlatUid::default()) };
        let (operation, response) = ask!(connection, nspi, Bind, request)?;
        check(operation, response.return_value)?;
        if response.handle.is_null() {
            return Err(Error::new(operation, Failure::Missing("contextHandle")));
        }
        Ok(Self { connection, handle: response.handle })
    }

    pub(super) async fn hierarchy(&mut self) -> Result<Vec<PropertyList>, Error> {
        let request =
            GetSpecialTableRequest { handle: self.handle, flags: UNICODE_STRINGS, stat: stat(), version: 0 };
        let (operation, response) = ask!(self.connection, nspi, GetSpecialTable, request)?;
        check(operation, response.return_value)?;
        Ok(rows(&response.rows))
    }

    pub(super) async fn query_rows(
        &mut self,
        stat: Stat,
        count: u32,
        columns: &[PropTag],
    ) -> Result<(Stat, Vec<PropertyList>), Error> {
        let request = QueryRowsRequest {
            handle: self.handle,
            flags: EPHEMERAL_IDS,
            stat,
            table: SizedPtr::NULL,
            count,
            prop_tags: tags(columns),
        };
        let (operation, response) = ask!(self.connection, nspi, QueryRows, request)?;
        check(operation, response.return_value)?;
        Ok((response.stat, rows(&response.rows)))
    }

    pub(super) async fn get_matches(
        &mut self,
        restriction: Restriction,
        limit: u32,
        columns: &[PropTag],
    ) -> Result<(Vec<MId>, Vec<PropertyList>), Error> {
        let filter = restriction.try_into();
        let filter = filter.map_err(|error| Error::new("nspi.GetMatches", Failure::Request(error)))?;
        let request = GetMatchesRequest {
            handle: self.handle,
            reserved1: 0,
            stat: stat(),
            reserved: Ptr::NULL,
            reserved2: 0,
            filter: Ptr::new(filter),
            prop_name: Ptr::NULL,
            requested: limit,
            prop_tags: tags(columns),
        };
        let (operation, response) = ask!(self.connection, nspi, GetMatches, request)?;
        check(operation, response.return_value)?;
        Ok((mids(&response.mids), rows(&response.rows)))
    }

    pub(super) async fn resolve_names(
        &mut self,
        names: &[&str],
        columns: &[PropTag],
    ) -> Result<(Vec<MId>, Vec<PropertyList>), Error> {
        let names: WStringsArray =
            Counted(names.iter().map(|name| Ptr::new(WcharString::new(name))).collect());
        let request = ResolveNamesWRequest {
            handle: self.handle,
            reserved: 0,
            stat: stat(),
            prop_tags: tags(columns),
            names,
        };
        let (operation, response) = ask!(self.connection, nspi, ResolveNamesW, request)?;
        check(operation, response.return_value)?;
        Ok((mids(&response.mids), rows(&response.rows)))
    }

    pub(super) async fn get_props(&mut self, stat: Stat, columns: &[PropTag]) -> Result<PropertyList, Error> {
        let request = GetPropsRequest { handle: self.handle, flags: 0, stat, prop_tags: tags(columns) };
        let (operation, response) = ask!(self.connection, nspi, GetProps, request)?;
        check(operation, response.return_value)?;
        let row = response.row.get().ok_or(Error::new(operation, Failure::Missing("ppRows")))?;
        Ok(row.to_row())
    }

    pub(super) async fn dn_to_mid(&mut self, names: &[&str]) -> Result<Vec<MId>, Error> {
        let names = Counted(names.iter().map(|name| Ptr::new(CharString::new(name))).collect());
        let request = DNToMIdRequest { handle: self.handle, reserved: 0, names };
        let (operation, response) = ask!(self.connection, nspi, DNToMId, request)?;
        check(operation, response.return_value)?;
        Ok(mids(&response.mids))
    }

    pub(super) async fn unbind(&mut self) -> Result<(), Error> {
        let request = UnbindRequest { handle: self.handle, reserved: 0 };
        let (operation, response) = ask!(self.connection, nspi, Unbind, request)?;
        match response.return_value {
            ErrorCode::UNBIND_SUCCESS => Ok(()),
            other => Err(Error::new(operation, Failure::Returned(other))),
        }
    }
}

fn tags(columns: &[PropTag]) -> Ptr<PropertyTagArray> {
    Ptr::new(TagArray::new(columns.to_vec()))
}

fn rows(set: &Ptr<PropertyRowSet>) -> Vec<PropertyList> {
    set.get().map(|rows| rows.0.iter().map(PropertyRow::to_row).collect()).unwrap_or_default()
}

fn mids(array: &Ptr<MIdArray>) -> Vec<MId> {
    array.get().map(|array| array.values.clone()).unwrap_or_default()
}
