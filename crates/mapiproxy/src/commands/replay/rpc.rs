//! Sends recorded RPC calls.

use std::collections::HashMap;
use std::sync::Arc;

use capture::call::{RpcOutcome, Stub};
use capture::replay::RpcStep;
use client::{Client, ClientConfig};
use identity::Mechanism;
use mapi::Interface;
use net::{AssociationConfig, CallFailure, RpcClient, UpstreamError};

use super::arguments::Arguments;
use crate::commands::sign_in::CHECK_ACCOUNT;
use crate::config::Binding;
use crate::failure::Failure;

/// Sends RPC calls.
pub(super) struct RpcSender {
    client: Client,
    config: ClientConfig,
    /// A connection for each recorded connection and each interface used on it.
    connections: HashMap<(u64, Interface), RpcClient>,
}

impl RpcSender {
    pub(super) fn new(target: &Binding, arguments: &Arguments) -> Result<Self, Failure> {
        let mechanism = Mechanism::from(arguments.auth);
        if mechanism.rpc_auth_type().is_none() {
            return Err(format!("--auth {mechanism} is for HTTP only").into());
        }
        let config = ClientConfig {
            server: client::Server::Rpc(target.clone().into()),
            account: arguments.account.account(mechanism)?,
            timeout: ClientConfig::TIMEOUT,
        };
        Ok(Self { client: Client::new(config.clone()), config, connections: HashMap::new() })
    }

    /// Sends a call of the recorded connection.
    pub(super) async fn send(&mut self, connection: u64, step: &RpcStep) -> Result<RpcOutcome, Failure> {
        match self.connection(connection, step.interface).await?.call(step.opnum, step.stub.clone()).await {
            Ok((stub, endian)) => Ok(RpcOutcome::Response(Stub::Plain(stub, endian))),
            Err(CallFailure::Fault(status)) => Ok(RpcOutcome::Fault(status)),
            Err(lost @ CallFailure::Lost { why: UpstreamError::Auth(_), .. }) => {
                Err(format!("{}; {CHECK_ACCOUNT}", client::Failure::from(lost)).into())
            }
            Err(other) => Err(Box::new(other)),
        }
    }

    async fn connection(&mut self, connection: u64, interface: Interface) -> Result<&mut RpcClient, Failure> {
        if !self.connections.contains_key(&(connection, interface)) {
            let address = self.client.find(interface).await?;
            let config = AssociationConfig {
                interface: net::syntax(interface),
                account: self.config.account.clone().map(Arc::new),
                group: 0,
                bind_id: None,
                timeout: self.config.timeout,
            };
            self.connections.insert((connection, interface), RpcClient::new(address, config));
        }
        self.connections.get_mut(&(connection, interface)).ok_or_else(|| "there is no connection".into())
    }
}
