//! Values of a `Cookie` header. A name may come more than once: a host-only cookie and one of the
//! whole domain are sent side by side, and nothing says which is which.

/// The values of the cookies called `name`, as they were sent, in their order. Names are
/// case-sensitive (RFC 6265, section 5.4).
pub fn named<'a>(header: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    header.split(';').filter_map(move |pair| {
        let value = pair.trim_start().strip_prefix(name)?.strip_prefix('=')?;
        Some(value.trim_end())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_the_name_is_found_and_no_other() {
        let header = "a=1; ab=2;a=3=4 ; A=5; a; xa=6; a=";
        assert_eq!(named(header, "a").collect::<Vec<_>>(), ["1", "3=4", ""]);
        assert_eq!(named("", "a").count(), 0);
        assert_eq!(named("=1", "a").count(), 0);
    }
}
