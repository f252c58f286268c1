//! Values of a `Cookie` header. A name may come more than once: a host-only cookie and one of the
//! whole domain are sent side by side, and nothing says which is which.

use throughline_text::{Parts, parts};

/// The values of the cookies called `name`, as they were sent, in their order. Names are
/// case-sensitive (RFC 6265, section 5.4).
pub fn named<'a>(header: &'a str, name: &'a str) -> Named<'a> {
    let pairs = parts(header, b';');
    Named { pairs, name }
}

/// See [`named`]. A type with a name, because what an adapter would be is compiled for each caller.
pub struct Named<'a> {
    pairs: Parts<'a>,
    name: &'a str,
}

impl<'a> Iterator for Named<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let named = self.pairs.next()?.trim_ascii().strip_prefix(self.name);
            if let Some(value) = named.and_then(|named| named.strip_prefix('=')) {
                return Some(value);
            }
        }
    }
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
