//! Markers of FastTransfer streams ([MS-OXCFXICS] 2.2.4.1.4).

wire::wire_enum! {
    /// A marker, which begins, ends or separates the groups of a stream ([MS-OXCFXICS] 2.2.4.1.4).
    pub struct Marker(u32) {
        /// Begins an attachment.
        NewAttach = 0x4000_0003,
        /// Begins an embedded message in an attachment.
        StartEmbed = 0x4001_0003,
        /// Ends an embedded message.
        EndEmbed = 0x4002_0003,
        /// Begins a recipient.
        StartRecip = 0x4003_0003,
        /// Ends a recipient.
        EndToRecip = 0x4004_0003,
        /// Begins the folder that is copied.
        StartTopFld = 0x4009_0003,
        /// Begins a folder within a folder.
        StartSubFld = 0x400A_0003,
        /// Ends a folder.
        EndFolder = 0x400B_0003,
        /// Begins a message.
        StartMessage = 0x400C_0003,
        /// Ends a message of either kind.
        EndMessage = 0x400D_0003,
        /// Ends an attachment.
        EndAttach = 0x400E_0003,
        /// Begins a message that is associated with its folder (FAI).
        StartFAIMsg = 0x4010_0003,
        /// Begins a change of a folder or message, with its header.
        IncrSyncChg = 0x4012_0003,
        /// Begins deletions.
        IncrSyncDel = 0x4013_0003,
        /// Ends the synchronization.
        IncrSyncEnd = 0x4014_0003,
        /// Begins the content of a changed message, after its header.
        IncrSyncMessage = 0x4015_0003,
        /// Begins information about an object that could not be sent.
        FXErrorInfo = 0x4018_0003,
        /// Begins changes of read states.
        IncrSyncRead = 0x402F_0003,
        /// Begins the final state.
        IncrSyncStateBegin = 0x403A_0003,
        /// Ends the final state.
        IncrSyncStateEnd = 0x403B_0003,
        /// Begins information about the amount of data.
        IncrSyncProgressMode = 0x4074_000B,
        /// Begins information about the size of the next change.
        IncrSyncProgressPerMsg = 0x4075_000B,
        /// Begins a mapping of property groups.
        IncrSyncGroupInfo = 0x407B_0102,
        /// Begins a change of some property groups of a message, with its header.
        IncrSyncChgPartial = 0x407D_0003,
    }
}

impl Marker {
    /// Returns the marker with this number, or `None` if the number is a property tag.
    pub const fn from_number(number: u32) -> Option<Self> {
        let marker = Self(number);
        // The ids of all markers are in one range, which contains few properties.
        if number < 0x4000_0000 || number > 0x407F_FFFF || marker.name().is_none() {
            return None;
        }
        Some(marker)
    }

    /// The marker that ends the group that this one begins. `None` if the group extends to the beginning of the next
    /// one.
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

    /// Whether the marker ends a group.
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
