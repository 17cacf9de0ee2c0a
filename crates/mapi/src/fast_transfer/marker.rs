//! Markers of `FastTransfer` streams ([MS-OXCFXICS] 2.2.4.1.4).

wire::wire_enum! {
    /// What begins, ends or divides the parts of a stream ([MS-OXCFXICS] 2.2.4.1.4).
    pub struct Marker(u32) {
        /// An attachment begins.
        NewAttach = 0x4000_0003,
        /// A message within an attachment begins.
        StartEmbed = 0x4001_0003,
        /// A message within an attachment ends.
        EndEmbed = 0x4002_0003,
        /// A recipient begins.
        StartRecip = 0x4003_0003,
        /// A recipient ends.
        EndToRecip = 0x4004_0003,
        /// The folder that is copied begins.
        StartTopFld = 0x4009_0003,
        /// A folder within a folder begins.
        StartSubFld = 0x400A_0003,
        /// A folder ends.
        EndFolder = 0x400B_0003,
        /// A message begins.
        StartMessage = 0x400C_0003,
        /// A message of either kind ends.
        EndMessage = 0x400D_0003,
        /// An attachment ends.
        EndAttach = 0x400E_0003,
        /// A message that is associated with its folder begins.
        StartFAIMsg = 0x4010_0003,
        /// A change of a folder or message: its header follows.
        IncrSyncChg = 0x4012_0003,
        /// Deletions follow.
        IncrSyncDel = 0x4013_0003,
        /// The synchronisation ends.
        IncrSyncEnd = 0x4014_0003,
        /// The changed message follows its header.
        IncrSyncMessage = 0x4015_0003,
        /// What could not be sent follows.
        FXErrorInfo = 0x4018_0003,
        /// Changes of read states follow.
        IncrSyncRead = 0x402F_0003,
        /// The final state begins.
        IncrSyncStateBegin = 0x403A_0003,
        /// The final state ends.
        IncrSyncStateEnd = 0x403B_0003,
        /// How much will come follows.
        IncrSyncProgressMode = 0x4074_000B,
        /// How large the next change is follows.
        IncrSyncProgressPerMsg = 0x4075_000B,
        /// Which properties belong to which group follows.
        IncrSyncGroupInfo = 0x407B_0102,
        /// A change of some of a message's groups: its header follows.
        IncrSyncChgPartial = 0x407D_0003,
    }
}

impl Marker {
    /// The marker with this number, if there is one.
    pub const fn from_number(number: u32) -> Option<Self> {
        let marker = Self(number);
        // All markers' ids are in one range, in which few properties are.
        if number < 0x4000_0000 || number > 0x407F_FFFF || marker.name().is_none() {
            return None;
        }
        Some(marker)
    }

    /// The marker that ends what this one begins. None where no marker does: such a part goes on until the
    /// next one begins.
    pub const fn end(self) -> Option<Self> {
        match self {
            Self::NewAttach => Some(Self::EndAttach),
            Self::StartEmbed => Some(Self::EndEmbed),
            Self::StartRecip => Some(Self::EndToRecip),
            Self::StartTopFld | Self::StartSubFld => Some(Self::EndFolder),
            Self::StartMessage | Self::StartFAIMsg => Some(Self::EndMessage),
            Self::IncrSyncStateBegin => Some(Self::IncrSyncStateEnd),
            _ => None,
        }
    }

    /// Whether it ends what another begins.
    pub const fn is_end(self) -> bool {
        matches!(
            self,
            Self::EndAttach
                | Self::EndEmbed
                | Self::EndToRecip
                | Self::EndFolder
                | Self::EndMessage
                | Self::IncrSyncStateEnd
        )
    }
}
