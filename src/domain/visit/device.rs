//! Which device and which system a visitor uses, as far as the user agent tells.
//!
//! Rules of links ask for it (an app store for phones). Agents lie in two ways that cannot be seen
//! through: an iPad's Safari says that it is a Mac, so it counts as a desktop with macOS, and
//! Android without the word `Mobile` is a tablet although it may be a television.

/// What is held in hand, or is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    Phone,
    Tablet,
    /// Everything else: desktops, televisions, consoles, and iPads that say they are Macs.
    Desktop,
}

/// The operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Os {
    /// iPhones, iPods, and iPads that say so.
    Ios,
    Android,
    Windows,
    Macos,
    ChromeOs,
    Linux,
    Other,
}

impl Device {
    pub const ALL: [Device; 3] = [Device::Phone, Device::Tablet, Device::Desktop];

    /// The word for it in rules and reports.
    pub fn name(self) -> &'static str {
        match self {
            Device::Phone => "phone",
            Device::Tablet => "tablet",
            Device::Desktop => "desktop",
        }
    }

    /// Reads [`Device::name`]; `None` for any other word.
    pub fn parse(word: &str) -> Option<Device> {
        Device::ALL.into_iter().find(|device| device.name() == word)
    }
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

    /// The word for it in rules and reports.
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

    /// Reads [`Os::name`]; `None` for any other word.
    pub fn parse(word: &str) -> Option<Os> {
        Os::ALL.into_iter().find(|os| os.name() == word)
    }
}

/// The device of a user agent; a desktop when nothing says otherwise.
pub fn device(user_agent: &str) -> Device {
    let says = |word: &str| user_agent.contains(word);
    if says("iPhone") || says("iPod") {
        return Device::Phone;
    }
    // `Tablet PC` is how old Windows told of a stylus.
    if says("iPad") || says("PlayBook") || (says("Tablet") && !says("Tablet PC")) {
        return Device::Tablet;
    }
    // `Adr` is UC's Android.
    if says("Mobile") || says("Opera Mini") || says("MIDP") || says("; Adr ") {
        return Device::Phone;
    }
    if says("Android") {
        Device::Tablet
    } else {
        Device::Desktop
    }
}

/// The system of a user agent.
pub fn os(user_agent: &str) -> Os {
    let says = |word: &str| user_agent.contains(word);
    // Windows Phone also says that it is Android and an iPhone, Android that it is Linux.
    if says("Windows") {
        Os::Windows
    } else if says("iPhone") || says("iPad") || says("iPod") {
        Os::Ios
    } else if says("Android") || says("; Adr ") {
        Os::Android
    } else if says("CrOS") {
        Os::ChromeOs
    } else if says("Macintosh") || says("Mac OS X") {
        Os::Macos
    } else if says("Linux") || says("X11") {
        Os::Linux
    } else {
        Os::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIT: &str = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0";

    /// Device, system, and an agent without the parts that all have in common.
    const AGENTS: &str = "\
phone ios (iPhone; CPU iPhone OS 17_5 like Mac OS X) KIT Mobile/15E148
phone ios (iPod touch; CPU iPhone OS 12_5 like Mac OS X) KIT
tablet ios (iPad; CPU OS 17_5 like Mac OS X) KIT Mobile/15E148
phone android (Linux; Android 10; K) KIT Mobile Safari/537.36
tablet android (Linux; Android 10; K) KIT Safari/537.36
phone android (Android 14; Mobile; rv:127.0) Gecko/127.0
tablet android (Android 14; Tablet; rv:127.0) Gecko/127.0
phone android UCWEB/2.0 (MIDP-2.0; U; Adr 10; en-US; RMX1941) UCBrowser/10.7.6.805
desktop windows (Windows NT 10.0; Win64; x64) KIT Safari/537.36
desktop windows (Windows NT 6.1; Tablet PC 2.0) KIT
phone windows (Windows Phone 10.0; Android 6.0) KIT Mobile
desktop macos (Macintosh; Intel Mac OS X 10_15_7) KIT
desktop chromeos (X11; CrOS x86_64 14541.0.0) KIT
desktop linux (X11; Ubuntu; Linux x86_64) KIT
desktop other (SMART-TV; LINUX; Tizen 7.0) KIT
phone other (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 KAIOS/2.5
phone other Opera/9.80 (J2ME/MIDP; Opera Mini/7.1; U; en) Presto/2.8
desktop other x";

    #[test]
    fn devices_and_systems_of_real_agents() {
        for line in AGENTS.lines() {
            let mut words = line.splitn(3, ' ');
            let mut next = || words.next().unwrap();
            let expected = (Device::parse(next()), Os::parse(next()));
            let agent = next().replace("KIT", KIT);
            assert_eq!((Some(device(&agent)), Some(os(&agent))), expected, "{line}");
        }
        assert_eq!((device(""), os("")), (Device::Desktop, Os::Other));
    }

    #[test]
    fn an_ipad_that_says_it_is_a_mac_cannot_be_told() {
        let ipad = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15";
        assert_eq!((device(ipad), os(ipad)), (Device::Desktop, Os::Macos));
    }

    #[test]
    fn names_are_read_back_and_no_others() {
        for device in Device::ALL {
            assert_eq!(Device::parse(device.name()), Some(device));
        }
        for os in Os::ALL {
            assert_eq!(Os::parse(os.name()), Some(os));
        }
        assert_eq!(Device::parse("Phone"), None);
        assert_eq!(Os::parse(""), None);
    }
}
