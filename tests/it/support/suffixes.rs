//! The Public Suffix List by the crate `psl`: another copy and another reader of the list than the
//! Worker's.

use app::ports::Suffixes;

pub struct PublicSuffixes;

impl Suffixes for PublicSuffixes {
    fn registrable(&self, host: &str) -> Option<String> {
        let local = host == "localhost" || host.ends_with(".localhost");
        if local || host.parse::<std::net::IpAddr>().is_ok() {
            return None;
        }
        psl::domain_str(host).map(str::to_owned)
    }
}
