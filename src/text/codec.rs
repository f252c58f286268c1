//! Bytes of the sealed formats: big-endian integers of fixed width and length-prefixed texts.
//! A reader never panics: every read returns `None` past the end.

/// Writes fields one after another.
pub struct Writer(Vec<u8>);

impl Default for Writer {
    /// With room for most of what is sealed: growing costs more than the writing.
    fn default() -> Self {
        Self(Vec::with_capacity(512))
    }
}

impl Writer {
    pub fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    /// The low 48 bits: milliseconds until the year 10889.
    pub fn u48(&mut self, value: u64) {
        let [_, _, low @ ..] = value.to_be_bytes();
        self.0.extend_from_slice(&low);
    }

    pub fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub fn bytes(&mut self, value: &[u8]) {
        self.0.extend_from_slice(value);
    }

    /// At most 65,535 bytes; the rest is cut off.
    pub fn text(&mut self, value: &str) {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        let kept = value.as_bytes().get(..usize::from(length));
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(kept.unwrap_or_default());
    }

    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads the fields in the order in which they were written.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub fn u48(&mut self) -> Option<u64> {
        let [a, b, c, d, e, f] = *self.take(6)? else {
            return None;
        };
        Some(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    pub fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    pub fn text(&mut self) -> Option<&'a str> {
        let length = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
        std::str::from_utf8(self.take(usize::from(length))?).ok()
    }

    /// `Some` only when every byte has been read: trailing bytes make a value invalid.
    pub fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_was_written_and_nothing_more() {
        let mut writer = Writer::default();
        writer.u8(7);
        writer.u48(1_795_334_400_000);
        writer.u64(u64::MAX);
        writer.text("Öl");
        let bytes = writer.finish();
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.u8(), Some(7));
        assert_eq!(reader.u48(), Some(1_795_334_400_000));
        assert_eq!(reader.u64(), Some(u64::MAX));
        assert_eq!(reader.text(), Some("Öl"));
        assert_eq!(reader.u8(), None);
    }

    #[test]
    fn every_prefix_fails_cleanly() {
        let mut writer = Writer::default();
        writer.u64(1);
        writer.text("abc");
        let bytes = writer.finish();
        for cut in 0..bytes.len() {
            let mut reader = Reader::new(&bytes[..cut]);
            assert!(reader.u64().and_then(|_| reader.text()).is_none());
        }
    }
}
