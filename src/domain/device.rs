//! Devices and operating systems, as user agents tell them.

/// What kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    Phone,
    Tablet,
    Desktop,
}

impl Device {
    pub const ALL: [Device; 3] = [Device::Phone, Device::Tablet, Device::Desktop];

    pub fn name(self) -> &'static str {
        match self {
            Device::Phone => "phone",
            Device::Tablet => "tablet",
            Device::Desktop => "desktop",
        }
    }

    pub fn parse(word: &str) -> Option<Device> {
        Device::ALL.into_iter().find(|each| each.name() == word)
    }
}

/// Which operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Os {
    Ios,
    Android,
    Windows,
    Macos,
    ChromeOs,
    Linux,
    Other,
}

impl Os {
    pub const ALL: [Os; 7] = [
        Os::Ios,
        Os::Android,
        Os::Windows,
        Os::Macos,
        Os::ChromeOs,
        Os::Linux,
        Os::Other,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Os::Ios => "ios",
            Os::Android => "android",
            Os::Windows => "windows",
            Os::Macos => "macos",
            Os::ChromeOs => "chromeos",
            Os::Linux => "linux",
            Os::Other => "other",
        }
    }

    pub fn parse(word: &str) -> Option<Os> {
        Os::ALL.into_iter().find(|each| each.name() == word)
    }
}

pub fn device(user_agent: &str) -> Device {
    if user_agent.contains("iPad") {
        Device::Tablet
    } else if user_agent.contains("Mobile") {
        Device::Phone
    } else {
        Device::Desktop
    }
}

pub fn os(user_agent: &str) -> Os {
    if user_agent.contains("iPhone") || user_agent.contains("iPad") {
        Os::Ios
    } else if user_agent.contains("Android") {
        Os::Android
    } else if user_agent.contains("Linux") {
        Os::Linux
    } else {
        Os::Other
    }
}
