//! The macro that defines an RPC interface's requests and responses from its table of operations.

/// Defines the requests and the responses of an interface from its table of operations.
macro_rules! rpc_operations {
    ($interface:expr; $($(#[$doc:meta])* $opnum:literal => $name:ident($request:ty, $response:ty);)*) => {
        /// What a client asks: the `[in]` parameters of one of the operations.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Request {
            $($(#[$doc])* $name($request),)*
        }

        /// What the server answers: the `[out]` parameters of one of the operations.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Response {
            $($(#[$doc])* $name($response),)*
        }

        impl $crate::inspect::Inspect for Request {
            fn to_node(&self) -> $crate::inspect::Node {
                match self {
                    $(Self::$name(request) => $crate::inspect::Inspect::to_node(request),)*
                }
            }
        }

        impl $crate::inspect::Inspect for Response {
            fn to_node(&self) -> $crate::inspect::Node {
                match self {
                    $(Self::$name(response) => $crate::inspect::Inspect::to_node(response),)*
                }
            }
        }

        impl Request {
            /// Reads the stub of the operation `opnum`, and returns the bytes behind its last parameter.
            ///
            /// # Errors
            /// When there is no such operation, and when the bytes are no such parameters.
            pub fn decode(opnum: u16, stub: &[u8], endian: ::wire::Endian) -> ::wire::Result<(Self, &[u8])> {
                match opnum {
                    $($opnum => <$request as ::rpc::ndr::Params>::decode_stub(stub, endian)
                        .map(|(request, rest)| (Self::$name(request), rest)),)*
                    _ => Err(unknown_opnum(opnum)),
                }
            }

            /// The stub, little-endian.
            ///
            /// # Errors
            /// When a part does not fit.
            pub fn encode(&self) -> ::wire::Result<Vec<u8>> {
                match self {
                    $(Self::$name(request) => ::rpc::ndr::Params::encode_stub(request),)*
                }
            }

            /// The operation's number.
            pub const fn opnum(&self) -> u16 {
                match self {
                    $(Self::$name(_) => $opnum,)*
                }
            }

            /// The operation's name, as [`Interface::operation`](crate::Interface::operation) has it.
            pub fn name(&self) -> &'static str {
                $interface.operation(self.opnum()).unwrap_or_default()
            }
        }

        impl Response {
            /// Reads the stub of the operation `opnum`, and returns the bytes behind its last parameter.
            ///
            /// # Errors
            /// When there is no such operation, and when the bytes are no such parameters.
            pub fn decode(opnum: u16, stub: &[u8], endian: ::wire::Endian) -> ::wire::Result<(Self, &[u8])> {
                match opnum {
                    $($opnum => <$response as ::rpc::ndr::Params>::decode_stub(stub, endian)
                        .map(|(response, rest)| (Self::$name(response), rest)),)*
                    _ => Err(unknown_opnum(opnum)),
                }
            }

            /// The stub, little-endian.
            ///
            /// # Errors
            /// When a part does not fit.
            pub fn encode(&self) -> ::wire::Result<Vec<u8>> {
                match self {
                    $(Self::$name(response) => ::rpc::ndr::Params::encode_stub(response),)*
                }
            }

            /// The operation's number.
            pub const fn opnum(&self) -> u16 {
                match self {
                    $(Self::$name(_) => $opnum,)*
                }
            }

            /// The operation's name, as [`Interface::operation`](crate::Interface::operation) has it.
            pub fn name(&self) -> &'static str {
                $interface.operation(self.opnum()).unwrap_or_default()
            }

            /// What the operation returned.
            pub const fn return_value(&self) -> $crate::ErrorCode {
                match self {
                    $(Self::$name(response) => response.return_value,)*
                }
            }
        }

        fn unknown_opnum(opnum: u16) -> ::wire::Error {
            ::wire::Error::invalid("opnum", 0, u64::from(opnum), "an operation of the interface")
        }
    };
}

pub(crate) use rpc_operations;
