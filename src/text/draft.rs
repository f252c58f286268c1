//! A text that is made of many short pieces.

use super::utf8;

/// A text in the making. It is bytes until it is done: a short piece is then copied as two parts of
/// a fixed length. For a copy whose length is not known beforehand engines leave WebAssembly, and
/// that costs more than a short copy itself.
#[derive(Default)]
pub struct Draft(Vec<u8>);

/// The longest piece that is copied so.
const SHORT: usize = 32;

impl Draft {
    pub fn with_room(bytes: usize) -> Draft {
        Draft(Vec::with_capacity(bytes))
    }

    pub fn as_str(&self) -> &str {
        utf8(&self.0).unwrap_or_default()
    }

    /// In bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Begins anew in the same room.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub fn texts(&mut self, texts: &[&str]) {
        texts.iter().for_each(|text| self.text(text));
    }

    /// A number in decimal digits.
    pub fn number(&mut self, value: i64) {
        if value < 0 {
            self.0.push(b'-');
        }
        let (digits, from) = decimal(value.unsigned_abs());
        self.bytes(digits.as_flattened().get(from..).unwrap_or_default());
    }

    /// The low 60 bits of a number, as 12 digits of this alphabet, which is ASCII.
    pub fn base32(&mut self, number: u64, alphabet: &[u8; 32]) {
        let digit = |place: usize| alphabet.get((number >> (55 - 5 * place)) as usize & 31);
        let digits: [u8; 12] = std::array::from_fn(|place| digit(place).copied().unwrap_or(b'0'));
        self.0.extend_from_slice(&digits);
    }

    fn bytes(&mut self, piece: &[u8]) {
        if piece.len() > SHORT {
            return self.0.extend_from_slice(piece);
        }
        let end = self.0.len() + piece.len();
        self.0.extend_from_slice(&[0; SHORT]);
        if let Some(room) = self.0.last_chunk_mut() {
            let _ = ends::<16>(piece, room)
                || ends::<8>(piece, room)
                || ends::<4>(piece, room)
                || ends::<2>(piece, room)
                || ends::<1>(piece, room);
        }
        self.0.truncate(end);
    }
}

/// Copies the first and the last so many bytes of a piece that is at most twice as long: they may
/// overlap. False if it is shorter.
fn ends<const LENGTH: usize>(piece: &[u8], room: &mut [u8; SHORT]) -> bool {
    let (Some(first), Some(last)) = (piece.first_chunk(), piece.last_chunk::<LENGTH>()) else {
        return false;
    };
    if let Some(place) = room.first_chunk_mut::<LENGTH>() {
        *place = *first;
    }
    let rest = room.get_mut(piece.len() - LENGTH..);
    if let Some(place) = rest.and_then(|rest| rest.first_chunk_mut()) {
        *place = *last;
    }
    true
}

/// Decimal digits behind zeros, and where the first that counts is.
fn decimal(value: u64) -> ([[u8; 8]; 3], usize) {
    const EIGHT: u64 = 100_000_000;
    let parts = [value / EIGHT / EIGHT, value / EIGHT % EIGHT, value % EIGHT];
    let used = value.checked_ilog10().unwrap_or_default() as usize + 1;
    (parts.map(eight), 24 - used)
}

/// Eight digits of a number below a hundred million. Splits it into fours, twos and ones, those of
/// a kind side by side in one number; a division is a multiplication and a shift.
fn eight(value: u64) -> [u8; 8] {
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let twos = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    let ones = tens | (twos - tens * 10) << 8;
    (ones | 0x3030_3030_3030_3030).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_all_lengths_stand_in_their_order() {
        let long: String = ('0'..='~').chain('\u{e0}'..='\u{ff}').collect();
        let mut draft = Draft::with_room(0);
        let mut expected = String::new();
        for length in (0..=long.len()).filter(|length| long.is_char_boundary(*length)) {
            draft.texts(&["é", &long[..length]]);
            expected = expected + "é" + &long[..length];
        }
        assert_eq!(draft.as_str(), expected);
    }

    #[test]
    fn numbers_are_written_as_the_standard_library_does() {
        let lengths = (0..19).flat_map(|zeros| [10_i64.pow(zeros), 10_i64.pow(zeros) - 1]);
        let some = [
            -1,
            1_795_334_400_000,
            1_234_567_890_123_456_789,
            i64::MAX,
            i64::MIN,
        ];
        for value in (0..10_000).chain(lengths).chain(some) {
            let mut draft = Draft::default();
            draft.number(value);
            assert_eq!(draft.as_str(), value.to_string());
        }
    }

    #[test]
    fn digits_of_base_32_come_from_the_alphabet() {
        let mut draft = Draft::with_room(0);
        draft.text("x_");
        draft.base32(
            15 << 60 | 31 << 55 | 33,
            b"0123456789abcdefghjkmnpqrstvwxyz",
        );
        assert_eq!(draft.as_str(), "x_z00000000011");
    }
}
